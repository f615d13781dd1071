from itertools import pairwise

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from medllm.data import pack
from medllm.types import IGNORE, Tokens
from tests.conftest import tiny_llama


def tokens(*ids):
    """An example of which every token is learnt."""
    read = np.array(ids, dtype=np.int32)
    targets = np.append(read[1:], IGNORE).astype(np.int32)
    return Tokens(read, targets)


@st.composite
def many_examples(draw):
    """Examples of 1 to 12 tokens, every token different from every other."""
    lengths = draw(st.lists(st.integers(1, 12), max_size=12))
    starts = np.cumsum([0, *lengths])
    return [tokens(*range(start, start + n)) for start, n in zip(starts[:-1], lengths, strict=True)]


SEQ_LEN = st.integers(1, 12)


def test_cut_runs_on_across_rows():
    """10 tokens into rows of 4: two full rows, and a tail of 2 that is dropped."""
    rows = list(pack.cut([tokens(1, 2, 3), tokens(4, 5, 6, 7), tokens(8, 9, 10)], seq_len=4))
    assert [row.ids.tolist() for row in rows] == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert [row.positions.tolist() for row in rows] == [[0, 1, 2, 0], [0, 1, 2, 0]]
    # 4 -> 5 and 8 -> 9 lie across the border of a row, 3 -> 4 and 7 -> 8 of a document.
    none = IGNORE
    assert [row.targets.tolist() for row in rows] == [[2, 3, none, none], [6, 7, none, none]]


def test_whole_puts_each_example_into_the_fullest_row_that_takes_it():
    """Lengths 3, 5, 2, 2 into rows of 5: [5], [3, 2], [2]."""
    assert pack.best_fit([3, 5, 2, 2], seq_len=5) == [[1], [0, 2], [3]]


def test_whole_restarts_positions_with_every_example():
    (row,) = pack.whole([tokens(1, 2, 3), tokens(4, 5)], seq_len=6)
    assert row.ids.tolist() == [1, 2, 3, 4, 5]
    assert row.positions.tolist() == [0, 1, 2, 0, 1]
    assert row.targets.tolist() == [2, 3, IGNORE, 5, IGNORE]


def test_an_example_longer_than_a_row_learns_nothing_beyond_it():
    (row,) = pack.none([tokens(1, 2, 3, 4)], seq_len=3)
    assert row.ids.tolist() == [1, 2, 3]
    assert row.targets.tolist() == [2, 3, IGNORE]


def test_windows_keep_the_order():
    """3 + 2 fill five, 4 does not fit beside 1, 1 fits beside 4."""
    assert pack.windows(np.array([3, 2, 4, 1, 5]), seq_len=5).tolist() == [0, 2, 4, 5]


def test_no_examples_make_no_rows():
    assert list(pack.cut([], seq_len=4)) == list(pack.whole([], seq_len=4)) == []
    assert pack.windows(np.array([], dtype=np.int64), seq_len=4).tolist() == [0]


@given(many_examples(), SEQ_LEN)
def test_cut_loses_only_a_tail_shorter_than_a_row(examples, seq_len):
    laid = [id for example in examples for id in example.ids.tolist()]
    rows = list(pack.cut(examples, seq_len=seq_len))
    assert [id for row in rows for id in row.ids.tolist()] == laid[: len(rows) * seq_len]
    assert len(laid) - len(rows) * seq_len < seq_len


@given(many_examples(), SEQ_LEN)
def test_whole_keeps_every_example_once_and_in_one_piece(examples, seq_len):
    rows = list(pack.whole(examples, seq_len=seq_len))
    assert all(0 < len(row.ids) <= seq_len for row in rows)
    pieces = [
        piece.tolist()
        for row in rows
        for piece in np.split(row.ids, np.flatnonzero(row.positions == 0)[1:])
    ]
    assert sorted(pieces) == sorted(example.ids[:seq_len].tolist() for example in examples)


@given(many_examples(), SEQ_LEN)
def test_whole_leaves_no_two_rows_that_would_fit_together(examples, seq_len):
    lengths = sorted(len(row.ids) for row in pack.whole(examples, seq_len=seq_len))
    if len(lengths) > 1:
        assert lengths[0] + lengths[1] > seq_len


@given(st.lists(st.integers(1, 12), max_size=30))
def test_windows_are_full_before_the_next_begins(lengths):
    borders = pack.windows(np.array(lengths, dtype=np.int64), seq_len=12)
    assert borders[0] == 0
    assert borders[-1] == len(lengths)
    for start, stop in pairwise(borders):
        assert 0 < sum(lengths[start:stop]) <= 12
        if stop < len(lengths):
            assert sum(lengths[start : stop + 1]) > 12


@given(many_examples(), SEQ_LEN, st.sampled_from([pack.cut, pack.whole, pack.none]))
def test_a_target_is_always_the_next_token_of_the_same_example(examples, seq_len, packer):
    for row in packer(examples, seq_len=seq_len):
        learnt = np.flatnonzero(row.targets != IGNORE)
        assert (row.targets[learnt] == row.ids[learnt + 1]).all()
        assert (row.positions[learnt + 1] == row.positions[learnt] + 1).all()


def test_a_packed_row_equals_separate_sequences():
    """Through a real Llama: no example sees another, to float32 rounding."""
    llama = tiny_llama().eval()
    examples = [tokens(3, 1, 4, 1, 5), tokens(9, 2, 6), tokens(5, 3, 5, 8)]
    (row,) = pack.whole(examples, seq_len=12)
    packed = _logits(llama, row)
    order = [0, 2, 1]  # longest first
    alone = [_logits(llama, next(pack.none([examples[n]], seq_len=12))) for n in order]
    torch.testing.assert_close(packed, torch.cat(alone), rtol=0, atol=1e-6)


@torch.no_grad()
def _logits(llama, row):
    """(L, V). use_cache=False: with a cache, transformers ignores the seams in positions."""
    ids, positions = (torch.from_numpy(a.astype(np.int64))[None] for a in (row.ids, row.positions))
    return llama(input_ids=ids, position_ids=positions, use_cache=False).logits[0]
