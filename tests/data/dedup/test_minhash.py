import re
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medllm.data.dedup import minhash

TEXTS = st.text(alphabet="ab 中药\u3000\n", max_size=20)
UNHURRIED = settings(deadline=None)  # the first call compiles


def units(text, unit):
    """What the kernel takes for units, by Python's own idea of a space."""
    if unit == "character":
        return list(text)
    if unit == "word":
        return text.split()
    return [
        u
        for word in text.split()
        for u in re.findall("[\u2e80-\U0010ffff]|[^\u2e80-\U0010ffff]+", word)
    ]


def shingles(text, unit, size):
    parts = units(text, unit)
    last = max(len(parts) - size, 0)
    return {tuple(parts[start : start + size]) for start in range(last + 1)}


@given(TEXTS, TEXTS, st.sampled_from(["character", "word", "auto"]), st.integers(1, 5))
@UNHURRIED
def test_jaccard_is_that_of_the_sets_of_shingles(one, other, unit, size):
    a, b = shingles(one, unit, size), shingles(other, unit, size)
    similarity = minhash.jaccard(
        minhash.shingle_set(one, unit=unit, size=size),
        minhash.shingle_set(other, unit=unit, size=size),
    )
    assert similarity == len(a & b) / len(a | b)


def test_jaccard_by_hand():
    """{1, 2, 3} and {2, 3, 4, 5}: two shared among five, however often they occur."""
    first, second = np.array([1, 2, 2, 3], np.uint64), np.array([2, 3, 3, 4, 5], np.uint64)
    assert minhash.jaccard(first, second) == 2 / 5


@pytest.mark.parametrize(
    ("text", "unit", "count"),
    [
        ("小儿惊风 发热", "character", 3),  # 7 characters, a space among them
        ("one two  three four five six", "word", 2),
        ("服用 aspirin 三日 后", "auto", 2),  # 服 用 aspirin 三 日 后
        ("发热", "character", 1),  # shorter than a shingle
        ("", "word", 1),
    ],
)
def test_shingles_of_five_units_by_hand(text, unit, count):
    assert len(minhash.shingle_set(text, unit=unit, size=5)) == count


def test_spaces_are_those_of_python():
    """A word between two of them is a unit of its own."""
    for code in range(sys.maxunicode + 1):
        if code > 0x3000 and not chr(code).isspace():
            continue  # thousands of letters, all alike
        found = minhash.shingle_set(f"a{chr(code)}b", unit="word", size=1)
        assert (len(found) == 2) == chr(code).isspace(), hex(code)


def test_a_lone_surrogate_is_a_character():
    assert len(minhash.shingle_set("\ud800ab", unit="character", size=1)) == 3


def test_equal_rows_are_as_frequent_as_shared_shingles():
    """J = 600 / 1000; of 4,000 independent rows the share that agrees has a deviation of .008."""
    letters = [chr(0x4E00 + n) for n in range(1_000)]
    texts = ["".join(letters[:800]), "".join(letters[200:])]
    keys = signed(texts, bands=4_000, rows=1, size=1)
    assert abs((keys[:, 0] == keys[:, 1]).mean() - 0.6) < 0.02


def test_a_band_agrees_as_often_as_all_its_rows():
    """J = 9 / 10 and 5 rows: .9 ** 5 = .59."""
    letters = [chr(0x4E00 + n) for n in range(1_000)]
    texts = ["".join(letters[:950]), "".join(letters[50:])]
    keys = signed(texts, bands=2_000, rows=5, size=1)
    assert abs((keys[:, 0] == keys[:, 1]).mean() - 0.59) < 0.03


def test_texts_of_any_length_are_signed_alike_alone_and_together():
    texts = ["热" * n for n in range(9)]
    together = signed(texts, bands=3, rows=2, size=3)
    for number, text in enumerate(texts):
        alone = signed([text], bands=3, rows=2, size=3)
        assert (alone >> 4 == together[:, [number]]).all()  # 4 bits hold the column of 9 texts


def signed(texts, *, bands, rows, size):
    """(bands, N) keys, without the bits that hold the column."""
    rng = np.random.default_rng(0)
    hashes = rng.integers(1 << 32, size=(2, bands * rows), dtype=np.uint32)
    keys = np.empty((bands, len(texts)), dtype=np.uint64)
    offsets = np.cumsum([0, *map(len, texts)])
    minhash.band_keys(
        minhash.codes("".join(texts)), offsets, np.arange(len(texts)), 0, size, *hashes, rows, keys
    )
    return keys >> minhash.column_bits(len(texts))
