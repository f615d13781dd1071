"""Rows as a run draws them."""

import numpy as np
import pytest

from medllm.data import mix
from medllm.data.drawn import drawn
from medllm.data.mixture import Mixture
from medllm.data.steps import Layout, Steps
from tests.data import corpora
from tests.data.made import of_one_piece

TALK = [(f"{n}?", "no " * (n % 4 + 1)) for n in range(20)]


def steps_of(sources, folder, tokenizer, *, packing, mix_unit="row", start=0):
    """In batches of 6 rows, 2 of which are padded together."""
    mixture = Mixture(
        sources=sources,
        seq_len=32,
        packing=packing,
        mix_unit=mix_unit,
        mix=mix.all_once,
        heldout={},
    )
    stores = mixture.stores(tokenizer, folder, progress=False)
    rows = mixture.rows(stores, epochs=1, seed=0)
    return Steps(stores, rows, global_batch=6, layout=Layout(0, 1, 2, 3), pad_id=0, start=start)


@pytest.fixture
def talk(tmp_path, tokenizer):
    sources = {
        "books": corpora.documents(tmp_path, "books", ["the fever", "the doctor and a cough"]),
        "talk": corpora.dialogues(tmp_path, "talk", TALK),
    }

    def made(**how):
        return steps_of(sources, tmp_path / "stores", tokenizer, **how)

    return made


def test_rows_come_in_the_order_and_with_the_padding_of_training(talk):
    """22 rows of an example each: 3 whole steps of 6 and 4 rows in the last."""
    steps = talk(packing="none")
    batches = list(steps)
    rows = [row for (row,) in drawn(steps, 0, 100)]
    assert [row.number for row in rows] == list(range(22))
    for row in rows:
        batch, at = batches[row.number // 2], row.number % 2
        assert row.ids.tolist() == batch.ids[at].tolist()
        assert row.targets.tolist() == batch.targets[at].tolist()
        assert row.positions.tolist() == batch.positions[at].tolist()
        assert row.sources.tolist() == batch.sources[at].tolist()


def test_any_stretch_can_be_drawn(talk):
    """Rows 9 and 10 lie in step 1, whose first is row 6."""
    every = {row.number: row.ids.tolist() for (row,) in drawn(talk(packing="none"), 0, 100)}
    some = {row.number: row.ids.tolist() for (row,) in drawn(talk(packing="none", start=1), 9, 2)}
    assert some == {number: every[number] for number in (9, 10)}
    assert list(drawn(talk(packing="none"), 0, 0)) == []


@pytest.mark.parametrize("mix_unit", ["row", "example"])
def test_examples_begin_where_positions_restart(talk, mix_unit):
    begins = 0
    for (row,) in drawn(talk(packing="whole", mix_unit=mix_unit), 0, 100):
        restarts = np.flatnonzero((row.positions == 0) & (row.sources >= 0))
        assert row.begins.tolist() == restarts.tolist()
        begins += len(restarts)
    assert begins == 22


def test_where_examples_begin_is_told_by_the_tokens_and_not_by_the_rows(talk):
    steps = talk(packing="whole")
    steps.stores[0] = of_one_piece(steps.stores[0])
    (row,) = next(rows for rows in drawn(steps, 0, 100) if rows[0].sources[0] == 0)
    length = int((row.sources >= 0).sum())
    assert row.positions[:length].tolist() == list(range(length))
    assert row.begins.tolist() == steps.stores[0].tokens.offsets[:2].tolist()


def test_of_a_pair_both_replies_are_drawn(tmp_path, tokenizer):
    judged = [("yes it is", "no"), ("rest", "run away")]
    steps = steps_of(
        {"pairs": corpora.pairs(tmp_path, "pairs", judged)}, tmp_path, tokenizer, packing="none"
    )
    batch = next(iter(steps))
    pairs = list(drawn(steps, 0, 100))
    assert [[row.number for row in pair] for pair in pairs] == [[0, 0], [1, 1]]
    for at, (chosen, rejected) in enumerate(pairs):
        assert chosen.ids.tolist() == batch.ids[at].tolist()
        assert rejected.ids.tolist() == batch.ids[at + 2].tolist()
        store, number = steps.stores[0], steps.rows.entries[at, 1]
        assert (chosen.sources >= 0).sum() == store.lengths[2 * number]
        assert (rejected.sources >= 0).sum() == store.lengths[2 * number + 1]
