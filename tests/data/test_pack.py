from itertools import pairwise

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from medllm.data import pack
from medllm.data.store import row
from medllm.types import IGNORE
from tests.conftest import tiny_llama


def laid(*lengths):
    """Starts and stops of pieces laid end to end."""
    edges = np.cumsum([0, *lengths])
    return edges[:-1], edges[1:]


def rows_of(plan, ids=None):
    """The rows of a plan over a stream of which all is learnt; 1, 2, 3, ... if not given."""
    ids = np.arange(1, 1000) if ids is None else np.array(ids)
    learnt = np.ones(len(ids), dtype=np.uint8)
    return [
        row(ids, learnt, plan.starts[first:last], plan.stops[first:last])
        for first, last in pairwise(plan.borders)
    ]


LENGTHS = st.lists(st.integers(1, 12), max_size=12)
SEQ_LEN = st.integers(1, 12)


def test_cut_runs_on_across_rows():
    """10 tokens into rows of 4: two full rows, and a tail of 2 that is dropped."""
    rows = rows_of(pack.cut(*laid(3, 4, 3), seq_len=4))
    assert [row.ids.tolist() for row in rows] == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert [row.positions.tolist() for row in rows] == [[0, 1, 2, 0], [0, 1, 2, 0]]
    # 4 -> 5 and 8 -> 9 lie across the border of a row, 3 -> 4 and 7 -> 8 of a document.
    none = IGNORE
    assert [row.targets.tolist() for row in rows] == [[2, 3, none, none], [6, 7, none, none]]


def test_cut_leaves_out_what_lies_between_the_pieces():
    """Pieces 1 2 3 and 6 7 8 of a stream: their six tokens make two rows of three."""
    rows = rows_of(pack.cut(np.array([0, 5]), np.array([3, 8]), seq_len=2))
    assert [row.ids.tolist() for row in rows] == [[1, 2], [3, 6], [7, 8]]
    assert [row.positions.tolist() for row in rows] == [[0, 1], [0, 0], [0, 1]]
    assert [row.targets.tolist() for row in rows] == [[2, IGNORE], [IGNORE] * 2, [8, IGNORE]]


def test_whole_puts_each_example_into_the_fullest_row_that_takes_it():
    """Lengths 3, 5, 2, 2 into rows of 5: [5], [3, 2], [2]."""
    order, borders = pack.best_fit(np.array([3, 5, 2, 2]), seq_len=5)
    assert (order.tolist(), borders.tolist()) == ([1, 0, 2, 3], [0, 1, 3, 4])


def test_whole_restarts_positions_with_every_example():
    (only,) = rows_of(pack.whole(*laid(3, 2), seq_len=6))
    assert only.ids.tolist() == [1, 2, 3, 4, 5]
    assert only.positions.tolist() == [0, 1, 2, 0, 1]
    assert only.targets.tolist() == [2, 3, IGNORE, 5, IGNORE]


def test_an_example_longer_than_a_row_learns_nothing_beyond_it():
    (only,) = rows_of(pack.none(*laid(4), seq_len=3))
    assert only.ids.tolist() == [1, 2, 3]
    assert only.targets.tolist() == [2, 3, IGNORE]


def test_a_token_that_nobody_should_say_is_no_target():
    learnt = np.array([0, 0, 1, 0, 1], dtype=np.uint8)
    made = row(np.arange(1, 6), learnt, np.array([0]), np.array([5]))
    assert made.targets.tolist() == [IGNORE, 3, IGNORE, 5, IGNORE]


def test_windows_keep_the_order():
    """3 + 2 fill five, 4 does not fit beside 1, 1 fits beside 4."""
    assert pack.windows(np.array([3, 2, 4, 1, 5]), seq_len=5).tolist() == [0, 2, 4, 5]


def test_no_examples_make_no_rows():
    for packing in (pack.cut, pack.whole, pack.none):
        assert packing(*laid(), seq_len=4).borders.tolist() == [0]
    assert pack.windows(np.array([], dtype=np.int64), seq_len=4).tolist() == [0]


@given(LENGTHS, SEQ_LEN)
def test_cut_loses_only_a_tail_shorter_than_a_row(lengths, seq_len):
    rows = rows_of(pack.cut(*laid(*lengths), seq_len=seq_len))
    whole = sum(lengths) // seq_len * seq_len
    assert [id for row in rows for id in row.ids.tolist()] == list(range(1, whole + 1))
    assert {len(row.ids) for row in rows} <= {seq_len}


@given(LENGTHS, SEQ_LEN)
def test_cut_restarts_positions_at_every_seam(lengths, seq_len):
    starts, stops = laid(*lengths)
    rows = rows_of(pack.cut(starts, stops, seq_len=seq_len))
    begins = set(starts.tolist())
    for number, each in enumerate(rows):
        for at, position in enumerate(each.positions):
            assert (position == 0) == (at == 0 or number * seq_len + at in begins)


@given(LENGTHS, SEQ_LEN)
def test_whole_keeps_every_example_once_and_in_one_piece(lengths, seq_len):
    starts, _ = laid(*lengths)
    rows = rows_of(pack.whole(*laid(*lengths), seq_len=seq_len))
    assert all(0 < len(row.ids) <= seq_len for row in rows)
    pieces = [
        piece.tolist()
        for row in rows
        for piece in np.split(row.ids, np.flatnonzero(row.positions == 0)[1:])
    ]
    expected = [
        list(range(start + 1, start + 1 + min(length, seq_len)))
        for start, length in zip(starts, lengths, strict=True)
    ]
    assert sorted(pieces) == expected


@given(LENGTHS, SEQ_LEN)
def test_whole_leaves_no_two_rows_that_would_fit_together(lengths, seq_len):
    plan = pack.whole(*laid(*lengths), seq_len=seq_len)
    filled = sorted(len(row.ids) for row in rows_of(plan))
    if len(filled) > 1:
        assert filled[0] + filled[1] > seq_len


@given(st.lists(st.integers(1, 200), max_size=60), st.integers(1, 200))
def test_compiled_best_fit_places_as_a_plain_search_does(lengths, seq_len):
    lengths = [min(length, seq_len) for length in lengths]
    _, borders = pack.best_fit(np.array(lengths, dtype=np.int64), seq_len=seq_len)
    rooms: list[int] = []
    for length in sorted(lengths, reverse=True):
        fits = [room for room in rooms if room >= length]
        room = min(fits, default=seq_len)
        if fits:
            rooms.remove(room)
        rooms.append(room - length)
    assert len(borders) - 1 == len(rooms)


@given(st.lists(st.integers(1, 12), max_size=30))
def test_windows_are_full_before_the_next_begins(lengths):
    borders = pack.windows(np.array(lengths, dtype=np.int64), seq_len=12)
    assert borders[0] == 0
    assert borders[-1] == len(lengths)
    for start, stop in pairwise(borders):
        assert 0 < sum(lengths[start:stop]) <= 12
        if stop < len(lengths):
            assert sum(lengths[start : stop + 1]) > 12


@given(LENGTHS, SEQ_LEN, st.sampled_from([pack.cut, pack.whole, pack.none]))
def test_a_target_is_always_the_next_token_of_the_same_example(lengths, seq_len, packing):
    for made in rows_of(packing(*laid(*lengths), seq_len=seq_len)):
        learnt = np.flatnonzero(made.targets != IGNORE)
        assert (made.targets[learnt] == made.ids[learnt + 1]).all()
        assert (made.positions[learnt + 1] == made.positions[learnt] + 1).all()


def test_a_packed_row_equals_separate_sequences():
    """Through a real Llama: no example sees another, to float32 rounding."""
    llama = tiny_llama().eval()
    ids = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]
    (packed,) = rows_of(pack.whole(*laid(5, 3, 4), seq_len=12), ids)
    alone = rows_of(pack.none(*laid(5, 3, 4), seq_len=12), ids)
    order = [0, 2, 1]  # longest first
    expected = torch.cat([_logits(llama, alone[n]) for n in order])
    torch.testing.assert_close(_logits(llama, packed), expected, rtol=0, atol=1e-6)


@torch.no_grad()
def _logits(llama, row):
    """(L, V). use_cache=False: with a cache, transformers ignores the seams in positions."""
    ids, positions = (torch.from_numpy(a.astype(np.int64))[None] for a in (row.ids, row.positions))
    return llama(input_ids=ids, position_ids=positions, use_cache=False).logits[0]
