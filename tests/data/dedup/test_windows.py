"""The kernel alone, where hashes and parts can be chosen; test_exact has what it is for."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medllm.data.dedup import windows

DOCUMENTS = st.lists(st.lists(st.integers(0, 2), max_size=14), min_size=1, max_size=8)


def corpus(documents):
    """All documents in one stream of u16, of the type that `Exact` hands on."""
    ids = np.array([token for document in documents for token in document], np.uint16)
    ids.flags.writeable = False
    borders = np.cumsum([0, *map(len, documents)])
    contents, _ = windows.content_hashes(ids, borders)
    return windows.Corpus((ids,), borders[[0, -1]], borders, contents)


def marked(documents, window, *, parts=1, multiplier=windows.MULTIPLIER):
    """Places of repeated windows, of those that leave, and the number of collisions."""
    searched = corpus(documents)
    marks = np.zeros((2, len(searched.ids[0]) // 8 + 1), dtype=np.uint8)
    collisions = 0
    for part in range(parts):
        table = np.zeros(200, dtype=np.uint64)
        collisions += windows.mark(searched, window, part, parts, multiplier, table, *marks)
    repeated, leaves = (set(np.flatnonzero(np.unpackbits(m, bitorder="little"))) for m in marks)
    return repeated, leaves, collisions


def counted(documents, window):
    """The same by counting every window in a dictionary."""
    searched = corpus(documents)
    places = defaultdict(list)
    for number, document in enumerate(documents):
        for start in range(len(document) - window + 1):
            rank = (searched.contents[number], number, searched.borders[number] + start)
            places[tuple(document[start : start + window])].append(rank)
    groups = [sorted(ranks) for ranks in places.values() if len(ranks) > 1]
    repeated = {place for ranks in groups for *_, place in ranks}
    return repeated, {place for ranks in groups for *_, place in ranks[1:]}


@given(DOCUMENTS, st.integers(1, 6), st.integers(1, 5))
@settings(deadline=None)  # the first call compiles
def test_the_repeated_windows_are_those_that_counting_finds(documents, window, parts):
    repeated, leaves, _ = marked(documents, window, parts=parts)
    assert (repeated, leaves) == counted(documents, window)


@given(DOCUMENTS, st.integers(2, 6), st.sampled_from([0, 1]))
@settings(max_examples=50, deadline=None)
def test_colliding_hashes_change_nothing(documents, window, multiplier):
    """With 0 the hash is that of the last token, with 1 that of the sum."""
    repeated, leaves, _ = marked(documents, window, multiplier=np.uint64(multiplier))
    assert (repeated, leaves) == counted(documents, window)


def test_collisions_are_counted():
    """Under the hash of the last token [0, 2] meets [1, 2] once."""
    assert marked([[0, 2], [1, 2]], 2, multiplier=np.uint64(0)) == (set(), set(), 1)


def test_a_long_document_goes_over_several_blocks():
    """3,000 random tokens twice: 2,951 windows of 50, each twice; block is 1,024."""
    text = np.random.default_rng(0).integers(0, 60_000, 3_000).tolist()
    searched = corpus([text, text])
    marks = np.zeros((2, 750), dtype=np.uint8)
    table = np.zeros(9_000, dtype=np.uint64)
    windows.mark(searched, 50, 0, 1, windows.MULTIPLIER, table, *marks)
    assert windows.count_bits(marks[0], 0, 6_000) == 2 * 2_951
    assert windows.count_bits(marks[1], 0, 3_000) == 0  # of equal documents the first stays


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.uint32])
def test_the_content_hash_does_not_depend_on_the_type_of_ids(dtype):
    hashes, largest = windows.content_hashes(np.array([5, 7, 7, 5], dtype), np.array([0, 2, 4]))
    expected, _ = windows.content_hashes(np.array([5, 7, 7, 5]), np.array([0, 2, 4]))
    assert hashes.tolist() == expected.tolist()
    assert hashes[0] != hashes[1]
    assert largest == 7
