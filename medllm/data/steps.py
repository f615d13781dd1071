"""Which rows each device sees, optimiser step by optimiser step.

    order of entries -> rows -> global batches -> this rank's micro-batches

The global batches are fixed by the plan. A layout only cuts them, so the weights after
training do not depend on it, and the number of the next step is all a resumed run needs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from medllm.data import pack
from medllm.data.store import Store
from medllm.types import IGNORE, Batch, PairBatch


class Rows(NamedTuple):
    """The rows of a whole run, in order.

    entries: (E, 2) int64, number of the store and number of the entry (or pair) in it.
    borders: (N + 1,) int64; row n is entries[borders[n]:borders[n + 1]], end to end.
    """

    entries: np.ndarray
    borders: np.ndarray


@dataclass(frozen=True, slots=True)
class Layout:
    """How one optimiser step is spread over devices. Changes speed, never the result."""

    rank: int
    world: int
    micro_batch: int
    accumulate: int


class Steps(IterableDataset):
    """The micro-batches of one device.

    The last step is filled up with empty rows (pair -1, nothing learnt), so that
    every layout divides it and no row is lost.

    Args:
        stores: in the order that the numbers in `rows` mean.
        rows: of the whole run.
        global_batch: rows (or pairs) of one optimiser step, over all devices.
        layout: world * micro_batch * accumulate must be global_batch.
        pad_id: what fills short rows; any token, nothing attends to it.
        start: steps already done.
    """

    def __init__(
        self,
        stores: Mapping[str, Store],
        rows: Rows,
        *,
        global_batch: int,
        layout: Layout,
        pad_id: int,
        start: int = 0,
    ) -> None:
        each = layout.world * layout.micro_batch * layout.accumulate
        assert each == global_batch, f"{layout} makes steps of {each} rows, not {global_batch}"
        self.stores = list(stores.values())
        self.rows, self.global_batch, self.layout = rows, global_batch, layout
        self.pad_id, self.start = pad_id, start
        self.is_pairs = self.stores[0].is_pairs
        self.steps = -(-(len(rows.borders) - 1) // global_batch)
        # Pairs are numbered through all stores, so that stored reference scores can be found.
        self._first_pair = np.cumsum([0, *(len(store) for store in self.stores)])

    def __len__(self) -> int:
        """Micro-batches of the whole run, those before `start` too: Lightning counts them."""
        return self.steps * self.layout.accumulate

    def __iter__(self) -> Iterator[Batch | PairBatch]:
        # Memory maps are read faster in process than they travel from a worker (13 times).
        assert get_worker_info() is None, "read Steps with num_workers=0"
        for step in range(self.start, self.steps):
            yield from self.batches(step)

    def batches(self, step: int) -> Iterator[Batch | PairBatch]:
        """This device's micro-batches of one optimiser step."""
        make = self._pair_batch if self.is_pairs else self._batch
        shape = (self.layout.accumulate, self.layout.world, self.layout.micro_batch)
        for rows in self._numbers(step).reshape(shape)[:, self.layout.rank]:
            yield make(rows, step)

    def once(self) -> Iterator[Batch | PairBatch]:
        """The micro-batches of the steps that bring something new, as many on every device."""
        known: set[tuple[int, ...]] = set()
        for step in range(self.steps):
            entries = set(map(tuple, self._entries(step).tolist()))
            if not entries <= known:
                known |= entries
                yield from self.batches(step)

    def learnt(self, step: int) -> np.ndarray:
        """(S,) int64, the learnt targets each source brings to an optimiser step."""
        assert not self.is_pairs, "of pairs, judge the pairs and not their tokens"
        entries = self._entries(step)
        return np.array(
            [
                store.learnt[entries[entries[:, 0] == number, 1]].sum()
                for number, store in enumerate(self.stores)
            ]
        )

    def _numbers(self, step: int) -> np.ndarray:
        """(global_batch,) the rows of a step; -1 where it is filled up."""
        numbers = np.arange(step * self.global_batch, (step + 1) * self.global_batch)
        return np.where(numbers < len(self.rows.borders) - 1, numbers, -1)

    def _entries(self, step: int) -> np.ndarray:
        """(E, 2) all entries of a step."""
        borders = self.rows.borders
        first = step * self.global_batch
        last = min(first + self.global_batch, len(borders) - 1)
        return self.rows.entries[borders[first] : borders[last]]

    def _row(self, number: int) -> tuple[pack.Row, np.ndarray]:
        """A row, and (L,) the source of each of its tokens."""
        if number < 0:
            return _nothing(), np.empty(0, dtype=np.int64)
        borders = self.rows.borders
        entries = self.rows.entries[borders[number] : borders[number + 1]]
        pieces = [self.stores[source].entry(entry) for source, entry in entries]
        return pack.joined(pieces), np.repeat(entries[:, 0], [len(piece.ids) for piece in pieces])

    def _batch(self, numbers: np.ndarray, step: int) -> Batch:
        rows, sources = zip(*(self._row(number) for number in numbers), strict=True)
        ids, targets, positions = self._padded(rows)
        where = np.full(ids.shape, -1, dtype=np.int64)
        for at, source in enumerate(sources):
            where[at, : len(source)] = source
        learnt = int(self.learnt(step).sum())
        return Batch(
            ids, targets, positions, torch.from_numpy(where), torch.from_numpy(numbers), learnt
        )

    def _pair_batch(self, numbers: np.ndarray, step: int) -> PairBatch:
        pairs = [tuple(self.rows.entries[number]) if number >= 0 else None for number in numbers]
        chosen, rejected = (
            [self.stores[p[0]].entry(2 * p[1] + side) if p else _nothing() for p in pairs]
            for side in (0, 1)
        )
        ids, targets, _ = self._padded([*chosen, *rejected])
        names = [self._first_pair[p[0]] + p[1] if p else -1 for p in pairs]
        judged = len(self._entries(step))
        return PairBatch(ids, targets, torch.tensor(names), torch.from_numpy(numbers), judged)

    def _padded(self, rows: list[pack.Row] | tuple[pack.Row, ...]) -> tuple[torch.Tensor, ...]:
        """ids, targets and positions, (B, L) int64 with L the longest row.

        Padding restarts the positions: it is a segment of its own that nothing attends to.
        """
        longest = max(1, *(len(row.ids) for row in rows))  # a micro-batch may be all empty
        shape = (len(rows), longest)
        ids = np.full(shape, self.pad_id, dtype=np.int64)
        targets = np.full(shape, IGNORE, dtype=np.int64)
        positions = np.zeros(shape, dtype=np.int64)
        for at, row in enumerate(rows):
            length = len(row.ids)
            ids[at, :length], targets[at, :length] = row.ids, row.targets
            positions[at, :length] = row.positions
            positions[at, length:] = np.arange(longest - length)
        return tuple(torch.from_numpy(array) for array in (ids, targets, positions))


def _nothing() -> pack.Row:
    """A row of no tokens; a batch pads it."""
    return pack.Row(*(np.empty(0, dtype=np.int32) for _ in range(3)))
