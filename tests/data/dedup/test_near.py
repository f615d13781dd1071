import re
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from medllm.data.dedup import near as near_module
from medllm.data.dedup.near import Near
from medllm.errors import ConfigError
from tests.data.dedup.test_minhash import shingles

MEMORY = 10**7
UNHURRIED = settings(deadline=None)  # the first call compiles
FEW = st.lists(st.text(alphabet="ab药 ", max_size=8), max_size=12)
LEE = dict(
    bands=450, rows=20, shingle=5, unit="character", jaccard=0.8, edit=0.8, shortest=1, seed=0
)
SURE = LEE | dict(
    bands=64, rows=1, shingle=2, jaccard=0.5, edit=0.5
)  # misses J of .5 once in 2**64


def kept(texts, how, workers=1, memory=MEMORY):
    return Near(**how).components(texts, workers=workers, memory=memory).tolist()


def linked(texts, how):
    """Groups by comparing all pairs, each named by one of its texts."""
    group = list(range(len(texts)))
    sets = [shingles(text, how["unit"], how["shingle"]) for text in texts]
    for a, b in combinations(group, 2):
        jaccard = len(sets[a] & sets[b]) / len(sets[a] | sets[b])
        longer = max(len(texts[a]), len(texts[b]), 1)
        if jaccard > how["jaccard"] and (
            1 - Levenshtein.distance(texts[a], texts[b]) / longer > how["edit"]
        ):
            group = [group[a] if g == group[b] else g for g in group]
    return group


def is_same_partition(one, other):
    return len(set(one)) == len(set(other)) == len(set(zip(one, other, strict=True)))


@given(FEW, st.sampled_from(["character", "word", "auto"]))
@UNHURRIED
def test_groups_are_those_of_comparing_all_pairs(texts, unit):
    how = SURE | {"unit": unit}
    found = kept(texts, how)
    assert is_same_partition(found, linked(texts, how))
    assert all(found[number] == number for number in found)


@given(FEW, st.randoms())
@UNHURRIED
def test_the_order_of_texts_does_not_matter(texts, random):
    shuffled = random.sample(texts, len(texts))
    one, other = (
        Counter(
            (text, all_texts[number])
            for text, number in zip(all_texts, kept(all_texts, SURE), strict=True)
        )
        for all_texts in (texts, shuffled)
    )
    assert one == other


@given(st.lists(st.sampled_from(["", "a", "药", "a药a药", "药a药a", "a药a药b"]), max_size=12))
@UNHURRIED
def test_equal_texts_are_always_found_and_the_first_is_kept(texts):
    """Whatever stands between them in a band: thresholds of 1 let nothing else pass."""
    found = kept(texts, SURE | dict(jaccard=1.0, edit=1.0, bands=1))
    assert found == [texts.index(text) for text in texts]


def test_the_longest_of_a_group_is_kept():
    texts = ["患者主诉头痛三日", "患者主诉头痛三日。", "患者主诉头痛三", "无关的一句话"]
    assert kept(texts, SURE) == [1, 1, 1, 3]


def corpus(seed, count=30):
    """Random texts of 400 characters, each three times, with 0 to 3 % of edits."""
    rng = np.random.default_rng(seed)
    texts = []
    for _ in range(count):
        text = rng.integers(0x4E00, 0x9FA5, 400)
        for share in (0, 0.015, 0.03):
            edited = np.where(rng.random(400) < share, 0x3007, text)
            texts.append("".join(map(chr, edited)))
    return texts


def test_the_bands_of_lee_find_what_comparing_all_pairs_finds():
    """Missed is less than 1 in 180 pairs at J = .8, and 1 in 10**6 at .85."""
    texts = corpus(0)
    expected = linked(texts, LEE)
    assert is_same_partition(kept(texts, LEE), expected)
    assert 30 < len(set(expected)) < 75


def test_neither_workers_nor_memory_show(monkeypatch):
    """In chunks of 5,000 characters, and with one band at a time."""
    texts = corpus(1)
    expected = kept(texts, LEE)
    monkeypatch.setattr(near_module, "CHUNK", 5_000)
    assert kept(texts, LEE, workers=3) == expected
    assert kept(texts, LEE, workers=2, memory=len(texts) * 104) == expected


def test_the_chance_to_be_compared_is_that_of_the_paper():
    """1 - (1 - .8 ** 20) ** 450 = 1 - (1 - .01153) ** 450 = .995; at .7 it is .302."""
    assert Near(**LEE).recall(0.8) == pytest.approx(0.995, abs=0.001)
    assert Near(**LEE).recall(0.7) == pytest.approx(0.302, abs=0.001)


def test_ten_thousand_equal_footers_are_one_group():
    assert set(kept(["版权所有，未经许可不得转载。"] * 10_000, LEE)) == {0}


def test_a_thousand_nearly_equal_footers_are_one_group():
    """300 characters behind a number; all agree in nearly all bands, neighbours join them."""
    footer = "".join(map(chr, range(0x4E00, 0x4E00 + 300)))
    assert len(set(kept([f"第{n:04}页{footer}" for n in range(1_000)], LEE))) == 1


def test_many_texts_of_one_form_are_not_all_compared_with_all(monkeypatch):
    """600 letters of the same 8 sentences in any order: J near 1, but hardly ever similar.

    All pairs would be 179,700. A letter is compared until 256 are not similar to it, or a few
    more, since that is looked at between rounds of comparisons.
    """
    rng = np.random.default_rng(0)
    sentences = ["".join(map(chr, rng.integers(0x4E00, 0x9FA5, 30))) for _ in range(8)]
    letters = ["".join(rng.permutation(sentences)) for _ in range(600)]
    rounds = []
    compare = near_module.are_similar

    def counted(texts, pairs, **how):
        rounds.append(len(pairs))
        return compare(texts, pairs, **how)

    monkeypatch.setattr(near_module, "are_similar", counted)
    assert len(set(kept(letters, LEE))) > 300
    assert sum(rounds) < 600 * 256 / 2 * 1.2


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"bands": 0}, "near.bands=0 must be 1 or more"),
        ({"rows": 0}, "near.rows=0 must be 1 or more"),
        ({"shingle": 0}, "near.shingle=0 must be 1 or more"),
        ({"jaccard": 80}, "near.jaccard=80 must lie in [0, 1]"),
        ({"edit": -0.1}, "near.edit=-0.1 must lie in [0, 1]"),
        ({"unit": "token"}, "near.unit='token' is not one of character, word, auto"),
        (
            {"bands": 20, "rows": 450},
            "near.bands=20 of near.rows=450 miss more than half of the pairs at near.jaccard=0.8; "
            "are bands and rows swapped?",
        ),
    ],
)
def test_nonsense_is_refused(changed, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        Near(**(LEE | changed))


def test_too_little_memory_is_refused_and_the_least_named():
    """3 texts at 96 bytes, and 8 for each of the 2 that are distinct."""
    texts = ["热", "寒", "热"]
    with pytest.raises(ConfigError, match="among 3 texts; give at least 304"):
        kept(texts, LEE, memory=303)
    assert kept(texts, LEE, memory=304) == [0, 1, 0]


def test_nothing_to_compare_gives_nothing():
    assert kept([], LEE) == []
    assert kept([""], LEE) == [0]


def test_short_texts_are_duplicates_only_if_they_are_equal():
    """A prostatitis of bacteria and one without any differ in one character of 14."""
    one, other = "细菌性前列腺炎的类别是疾病。", "非细菌性前列腺炎的类别是疾病。"
    assert kept([one, other, one], SURE) == [1, 1, 1]
    assert kept([one, other, one], SURE | dict(shortest=50)) == [0, 1, 0]
