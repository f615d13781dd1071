"""Rows as a run draws them: `Steps` read on one device, row by row, padding and all."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from medllm.data.steps import Steps
from medllm.data.store import Store
from medllm.types import Batch, PairBatch


class Drawn(NamedTuple):
    """A row of a batch.

    number: of the row (or pair) in the run, from 0.
    ids, targets, positions: (L,) int64, padded as the batch is.
    sources: (L,) int64, number of the source of each token, -1 for padding.
    begins: (E,) int64, where examples begin: as the token store has it, whatever `positions` say.
    """

    number: int
    ids: np.ndarray
    targets: np.ndarray
    positions: np.ndarray
    sources: np.ndarray
    begins: np.ndarray


def drawn(steps: Steps, first: int, count: int) -> Iterator[tuple[Drawn, ...]]:
    """`count` rows from number `first` on, fewer where the run ends; of a pair both rows.

    Args:
        steps: of one device, so that its micro-batches hold all rows in order.
        first: of the step that `steps` starts with, or later.
        count: 0 or more.
    """
    assert steps.layout.world == 1, "another device would have its share of the rows"
    number, size = steps.start * steps.global_batch, steps.layout.micro_batch
    last = min(first + count, len(steps.rows.borders) - 1)
    for batch in steps:
        for at in range(max(0, first - number), min(size, last - number)):
            yield _row(steps, batch, at, number + at)
        number += size
        if number >= last:
            return


def _row(steps: Steps, batch: Batch | PairBatch, at: int, number: int) -> tuple[Drawn, ...]:
    borders = steps.rows.borders
    entries = steps.rows.entries[borders[number] : borders[number + 1]]
    if isinstance(batch, PairBatch):
        (source, pair), pairs = entries[0], len(batch.pairs)
        lengths = steps.stores[source].lengths[2 * pair : 2 * pair + 2]
        sides = zip((at, at + pairs), lengths, strict=True)
        return tuple(_reply(batch, row, number, source, length) for row, length in sides)
    begins, start = [], 0
    for source, entry in entries:
        begins += [start + begin for begin in _begins(steps.stores[source], entry)]
        start += int(steps.stores[source].lengths[entry])
    ids, targets, positions, sources = (array[at].numpy() for array in batch[:4])
    return (Drawn(number, ids, targets, positions, sources, np.array(begins)),)


def _reply(batch: PairBatch, at: int, number: int, source: int, length: int) -> Drawn:
    where = np.arange(batch.ids.shape[1])
    sources = np.where(where < length, source, -1)
    ids, targets = batch.ids[at].numpy(), batch.targets[at].numpy()
    return Drawn(number, ids, targets, where, sources, np.zeros(1, dtype=np.int64))


def _begins(store: Store, entry: int) -> Iterator[int]:
    """Where in an entry its examples begin: at each piece, and at each sequence inside of one."""
    starts, stops, borders = (
        np.load(store.folder / f"{name}.npy", mmap_mode="r")
        for name in ("starts", "stops", "borders")
    )
    pieces, before = slice(borders[entry], borders[entry + 1]), 0
    for start, stop in zip(starts[pieces], stops[pieces], strict=True):
        first, last = np.searchsorted(store.tokens.offsets, (start + 1, stop))
        for begin in (start, *store.tokens.offsets[first:last]):
            yield int(before + begin - start)
        before += stop - start
