"""Examples into rows of at most `seq_len` tokens.

    cut     | doc a | doc b .. | .. doc b | doc c ..|   rows are full, documents run on
    whole   | ex 3 | ex 1 |  | ex 2 |      |            an example never spans two rows
    none    | ex 1 |  | ex 2 |  | ex 3 |                one example per row

Positions restart with every example and with every row; that is how attention finds the
seams, so nothing leaks across them. Rows keep their true length: padding waits for the
batch.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from medllm.types import IGNORE, Tokens


class Row(NamedTuple):
    """ids, targets and positions, (L,) int32 each."""

    ids: np.ndarray
    targets: np.ndarray
    positions: np.ndarray


def cut(examples: Iterable[Tokens], *, seq_len: int) -> Iterator[Row]:
    """Full rows of everything laid end to end; a tail shorter than a row is dropped."""
    parts: list[Row] = []
    room = seq_len
    for example in examples:
        start = 0
        while start < len(example.ids):
            stop = min(start + room, len(example.ids))
            parts.append(_piece(example, start, stop))
            room -= stop - start
            start = stop
            if not room:
                yield joined(parts)
                parts, room = [], seq_len


def whole(examples: Sequence[Tokens], *, seq_len: int) -> Iterator[Row]:
    """Best fit, longest first: each example goes to the fullest row that still takes it.

    Examples longer than a row are cut at its end.
    """
    pieces = [_piece(example, 0, seq_len) for example in examples]
    for row in best_fit([len(piece.ids) for piece in pieces], seq_len=seq_len):
        yield joined([pieces[number] for number in row])


def none(examples: Iterable[Tokens], *, seq_len: int) -> Iterator[Row]:
    """Each example a row of its own, cut at `seq_len`."""
    return (_piece(example, 0, seq_len) for example in examples)


def best_fit(lengths: Sequence[int], *, seq_len: int) -> list[list[int]]:
    """Rows as lists of example numbers. Takes N log N steps for N examples."""
    rows: list[list[int]] = []
    with_room: dict[int, list[int]] = {}  # tokens still free -> rows with just that room
    rooms: list[int] = []  # its keys, sorted
    for number in sorted(range(len(lengths)), key=lambda n: -lengths[n]):
        at = bisect_left(rooms, lengths[number])
        if at == len(rooms):
            row, room = len(rows), seq_len
            rows.append([])
        else:
            room = rooms[at]
            row = with_room[room].pop()
            if not with_room[room]:
                del with_room[room], rooms[at]
        rows[row].append(number)
        left = room - lengths[number]
        if left and left not in with_room:
            insort(rooms, left)
        if left:
            with_room.setdefault(left, []).append(row)
    return rows


def windows(lengths: np.ndarray, *, seq_len: int) -> np.ndarray:
    """Borders (R + 1,) of rows that keep the order: an example that does not fit starts one.

    Used after mixing, where the order is the curriculum and must not be undone.
    """
    assert lengths.max(initial=0) <= seq_len, "stores hold no example longer than a row"
    borders = [0]
    room = seq_len
    for number, length in enumerate(lengths.tolist()):
        if length > room:
            borders.append(number)
            room = seq_len
        room -= length
    return np.array([*borders, len(lengths)] if len(lengths) else borders, dtype=np.int64)


def joined(rows: Sequence[Row]) -> Row:
    """Rows end to end, as one."""
    return Row(*(np.concatenate(arrays) for arrays in zip(*rows, strict=True)))


def _piece(example: Tokens, start: int, stop: int) -> Row:
    """Tokens `start` to `stop` as if they were an example: nothing beyond them is a target."""
    ids = example.ids[start:stop]
    targets = example.targets[start:stop].copy()
    targets[-1] = IGNORE
    return Row(ids, targets, np.arange(len(ids), dtype=np.int32))
