"""Which rows a device sees, whatever the layout."""

import numpy as np
import pytest
import torch

from medllm.data import mix
from medllm.data.mixture import Mixture
from medllm.data.steps import Layout, Rows, Steps
from medllm.types import IGNORE
from tests.conftest import tiny_llama
from tests.data import corpora

ALONE = Layout(rank=0, world=1, micro_batch=4, accumulate=1)
TALK = [
    ("fever?", "rest"),
    ("cough?", "drink water"),
    ("pain?", "a drug"),
    ("a?", "b"),
    ("c?", "d"),
]


def mixture(sources, *, packing="none", mix_unit="row"):
    return Mixture(
        sources=sources,
        seq_len=64,
        packing=packing,
        mix_unit=mix_unit,
        mix=mix.all_once,
        heldout={},
    )


@pytest.fixture
def stores(tmp_path, tokenizer):
    """Two sources of 5 and 2 dialogues."""
    sources = {
        "talk": corpora.dialogues(tmp_path, "talk", TALK),
        "more": corpora.dialogues(tmp_path, "more", TALK[:2]),
    }
    return mixture(sources).stores(tokenizer, tmp_path, progress=False)


def in_order(stores):
    """Every entry once, source by source."""
    entries = [[s, e] for s, store in enumerate(stores.values()) for e in range(len(store))]
    return Rows(np.array(entries), np.arange(len(entries) + 1))


def steps(stores, rows, layout=ALONE, *, start=0):
    size = layout.world * layout.micro_batch * layout.accumulate
    return Steps(stores, rows, global_batch=size, layout=layout, pad_id=0, start=start)


def test_short_rows_are_padded_to_the_longest_of_the_micro_batch(stores):
    batch = next(iter(steps(stores, in_order(stores))))
    lengths = [stores["talk"].lengths[n] for n in range(4)]
    assert batch.ids.shape == (4, max(lengths))
    for row, length in enumerate(lengths):
        ids, targets, positions = stores["talk"].entry(row)
        assert batch.ids[row, :length].tolist() == ids.tolist()
        assert batch.targets[row, :length].tolist() == targets.tolist()
        assert batch.positions[row, :length].tolist() == positions.tolist()
        assert (batch.targets[row, length:] == IGNORE).all()
        assert batch.positions[row, length:].tolist() == list(range(max(lengths) - length))


def test_the_last_step_is_filled_up_with_empty_rows(stores):
    """7 rows in steps of 4: the second step holds 3 and an empty one."""
    made = steps(stores, in_order(stores))
    assert (made.steps, len(made)) == (2, 2)
    last = list(made)[-1]
    assert last.sources[:, 0].tolist() == [0, 1, 1, -1]
    assert (last.targets[3] == IGNORE).all()


def test_a_micro_batch_may_be_all_empty(stores):
    """5 rows for 4 ranks of 2: the last rank gets none, and still has something to run."""
    layout = Layout(rank=3, world=4, micro_batch=2, accumulate=1)
    (batch,) = steps(stores, Rows(in_order(stores).entries[:5], np.arange(6)), layout)
    assert batch.ids.tolist() == [[0], [0]]
    assert batch.sources.tolist() == [[-1], [-1]]
    assert batch.learnt > 0


def test_learnt_counts_the_whole_step_in_every_micro_batch(stores):
    whole = [int((batch.targets != IGNORE).sum()) for batch in steps(stores, in_order(stores))]
    pieces = steps(stores, in_order(stores), Layout(rank=1, world=2, micro_batch=1, accumulate=2))
    assert [batch.learnt for batch in pieces] == [whole[0], whole[0], whole[1], whole[1]]
    assert steps(stores, in_order(stores)).learnt(1).sum() == whole[1]


def test_learnt_is_told_by_source(stores):
    made = steps(stores, in_order(stores))
    assert made.learnt(0)[1] == 0  # the first four rows are all talk
    assert made.learnt(1)[1] == stores["more"].learnt.sum()


def row_ids(batch):
    """The learnt tokens of each row, whatever its padding."""
    return [row[row != IGNORE].tolist() for row in batch.targets]


@pytest.mark.parametrize(
    "shape", [(1, 4, 1), (1, 1, 4), (1, 2, 2), (2, 2, 1), (2, 1, 2), (4, 1, 1)]
)
def test_every_layout_sees_the_same_steps(stores, shape):
    world, micro_batch, accumulate = shape
    reference = [sorted(row_ids(batch)) for batch in steps(stores, in_order(stores))]
    ranks = [
        list(steps(stores, in_order(stores), Layout(rank, world, micro_batch, accumulate)))
        for rank in range(world)
    ]
    for step, expected in enumerate(reference):
        micro = [b for seen in ranks for b in seen[step * accumulate : (step + 1) * accumulate]]
        assert sorted(row for batch in micro for row in row_ids(batch)) == expected


def test_a_resumed_run_goes_on_where_it_stopped(stores):
    layout = Layout(rank=0, world=1, micro_batch=1, accumulate=2)
    full = list(steps(stores, in_order(stores), layout))
    resumed = steps(stores, in_order(stores), layout, start=3)
    assert len(resumed) == len(full) == 8  # Lightning counts those that are behind it, too
    for expected, batch in zip(full[6:], resumed, strict=True):
        assert batch.ids.tolist() == expected.ids.tolist()


def test_a_layout_that_does_not_make_the_batch_is_our_mistake(stores):
    with pytest.raises(AssertionError, match="makes steps of 4 rows, not 8"):
        Steps(stores, in_order(stores), global_batch=8, layout=ALONE, pad_id=0)


def test_a_row_of_several_examples_is_laid_end_to_end(stores):
    rows = Rows(np.array([[0, 0], [1, 1], [0, 3]]), np.array([0, 3]))
    batch = next(iter(steps(stores, rows, Layout(0, 1, 1, 1))))
    pieces = [stores["talk"].entry(0), stores["more"].entry(1), stores["talk"].entry(3)]
    for field in ("ids", "targets", "positions"):
        expected = np.concatenate([getattr(piece, field) for piece in pieces])
        assert getattr(batch, field)[0].tolist() == expected.tolist()
    lengths = [len(piece.ids) for piece in pieces]
    assert batch.sources[0].tolist() == np.repeat([0, 1, 0], lengths).tolist()


@pytest.fixture
def judged(tmp_path, tokenizer):
    """Two stores of 3 and 2 pairs."""
    sources = {
        "a": corpora.pairs(tmp_path, "a", [("yes", "no"), ("rest", "run away"), ("x", "y")]),
        "b": corpora.pairs(tmp_path, "b", [("up", "down"), ("left", "right")]),
    }
    return mixture(sources).stores(tokenizer, tmp_path, progress=False)


def test_of_a_pair_batch_the_upper_half_is_chosen(judged, tokenizer):
    batch = next(iter(steps(judged, in_order(judged))))
    said = [tokenizer.decode(row) for row in row_ids(batch)]
    chosen, rejected = ["yes", "rest", "x", "up"], ["no", "run away", "y", "down"]
    assert said == [f"{reply}<|end|>" for reply in chosen + rejected]


def test_pairs_are_numbered_through_all_stores(judged):
    first, last = steps(judged, in_order(judged))
    assert first.pairs.tolist() == [0, 1, 2, 3]
    assert last.pairs.tolist() == [4, -1, -1, -1]
    assert (first.judged, last.judged) == (4, 1)
    assert (last.targets[[1, 2, 3, 5, 6, 7]] == IGNORE).all()


@torch.no_grad()
def test_a_padded_batch_of_packed_rows_equals_separate_sequences(tmp_path, tokenizer):
    """Summed loss through a real Llama, float32."""
    source = {"talk": corpora.dialogues(tmp_path, "talk", TALK)}
    losses = []
    for packing in ("whole", "none"):
        stores = mixture(source, packing=packing).stores(tokenizer, tmp_path, progress=False)
        llama, loss = tiny_llama().eval(), 0.0
        for batch in steps(stores, in_order(stores)):
            out = llama(input_ids=batch.ids, position_ids=batch.positions, use_cache=False)
            loss += torch.nn.functional.cross_entropy(
                out.logits.flatten(0, 1), batch.targets.flatten(), reduction="sum"
            ).item()
        losses.append(loss)
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
