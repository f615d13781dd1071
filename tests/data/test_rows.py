"""What stays of a token stream once some of it is left out."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medllm.data.rows import Removed, without, write
from medllm.errors import ConfigError
from tests.data import corpora
from tests.data.test_store import store_of


def spans(*pairs):
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def test_a_span_splits_a_piece_in_two():
    starts, stops = without(np.array([0, 10]), np.array([10, 20]), spans((3, 6), (10, 12)))
    assert list(zip(starts.tolist(), stops.tolist(), strict=True)) == [(0, 3), (6, 10), (12, 20)]


def test_a_piece_of_which_one_token_is_left_goes_too():
    starts, stops = without(np.array([0]), np.array([10]), spans((1, 10)))
    assert (starts.tolist(), stops.tolist()) == ([], [])


@given(st.lists(st.integers(2, 9), min_size=1, max_size=6), st.data())
def test_what_is_left_and_what_goes_is_everything_once(lengths, data):
    edges = np.cumsum([0, *lengths])
    goes = np.zeros(edges[-1], dtype=bool)
    chosen = []
    for first, last in pairwise(edges):
        if data.draw(st.booleans()):
            start = data.draw(st.integers(int(first), int(last) - 1))
            stop = data.draw(st.integers(start + 1, int(last)))
            chosen.append((start, stop))
            goes[start:stop] = True
    starts, stops = without(edges[:-1], edges[1:], spans(*chosen))
    left = np.zeros(edges[-1], dtype=int)
    for start, stop in zip(starts, stops, strict=True):
        left[start:stop] += 1
    assert left.max(initial=0) <= 1
    assert not left[goes].any()
    # single tokens between two borders are all that neither goes nor is left
    lost = np.flatnonzero((left == 0) & ~goes)
    for at in lost:
        begins = at in edges or goes[at - 1]
        ends = at + 1 in edges or goes[at + 1]
        assert begins
        assert ends


def removed(store, examples=(), cut=()):
    mask = np.zeros(store.manifest["records"], dtype=bool)
    mask[list(examples)] = True
    return Removed(("test",), {}, mask, spans(*cut))


def test_examples_that_are_removed_are_in_no_row(tmp_path, tokenizer):
    store = store_of(corpora.documents(tmp_path, "x", ["one", "two", "three"]), tmp_path, tokenizer)
    corpus = _corpus(store, tmp_path)
    (tmp_path / "plan").mkdir()
    plan = write(
        store.tokens,
        corpus,
        tmp_path / "plan",
        seq_len=64,
        packing="none",
        removed=removed(store, examples=[1]),
    )
    assert plan["entries"] == 2
    assert plan["removed"] == {"examples": 1, "tokens": 0}
    kept = [store.tokens.offsets[0], store.tokens.offsets[2]]
    assert np.load(tmp_path / "plan/starts.npy").tolist() == kept


def test_conversations_are_not_cut_into(tmp_path, tokenizer):
    store = store_of(corpora.dialogues(tmp_path, "x", [("why?", "so")]), tmp_path, tokenizer)
    with pytest.raises(
        ConfigError, match=r"data.exact cuts pieces out of documents, and these are"
    ):
        write(
            store.tokens,
            _corpus(store, tmp_path),
            tmp_path,
            seq_len=64,
            packing="none",
            removed=removed(store, cut=[(1, 2)]),
        )


def _corpus(store, folder):
    from medllm.data.corpus import Corpus

    return Corpus(folder / "corpora" / store.manifest["corpus_folder"])
