"""Pieces of a token stream into rows of at most `seq_len` tokens. Nothing is moved: a plan.

    cut     | doc a | doc b .. | .. doc b | doc c ..|   rows are full, documents run on
    whole   | ex 3 | ex 1 |  | ex 2 |      |            an example never spans two rows
    none    | ex 1 |  | ex 2 |  | ex 3 |                one example per row

Positions restart with every piece and with every row; that is how attention finds the seams,
so nothing leaks across them. Rows keep their true length: padding waits for the batch.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np

Packing = Literal["cut", "whole", "none"]


class Row(NamedTuple):
    """ids, targets and positions, (L,) int32 each."""

    ids: np.ndarray
    targets: np.ndarray
    positions: np.ndarray


class Plan(NamedTuple):
    """Which tokens make which row.

    starts, stops: (P,) int64, half-open pieces of the stream in the order of the rows.
    borders: (R + 1,) int64; row r is the pieces borders[r]:borders[r + 1], end to end.
    """

    starts: np.ndarray
    stops: np.ndarray
    borders: np.ndarray


def cut(starts: np.ndarray, stops: np.ndarray, *, seq_len: int) -> Plan:
    """Full rows of all pieces laid end to end; a tail shorter than a row is dropped.

    Args:
        starts: (N,) int64 of the pieces, none of them empty.
        stops: (N,) int64.
        seq_len: tokens of every row.
    """
    laid = np.concatenate([[0], np.cumsum(stops - starts)])  # where each piece begins and ends
    rows = int(laid[-1]) // seq_len
    edges = np.arange(rows + 1, dtype=np.int64) * seq_len
    marks = np.union1d(edges, laid[laid < edges[-1]])
    piece = np.searchsorted(laid, marks[:-1], side="right") - 1
    begin = starts[piece] + marks[:-1] - laid[piece]
    return Plan(begin, begin + np.diff(marks), np.searchsorted(marks, edges))


def whole(starts: np.ndarray, stops: np.ndarray, *, seq_len: int) -> Plan:
    """Best fit, longest first: each piece goes to the fullest row that still takes it.

    Pieces longer than a row are cut at its end. Arguments as in `cut`.
    """
    stops = np.minimum(stops, starts + seq_len)
    order, borders = best_fit(stops - starts, seq_len=seq_len)
    return Plan(starts[order], stops[order], borders)


def none(starts: np.ndarray, stops: np.ndarray, *, seq_len: int) -> Plan:
    """Each piece a row of its own, cut at `seq_len`. Arguments as in `cut`."""
    stops = np.minimum(stops, starts + seq_len)
    return Plan(starts, stops, np.arange(len(starts) + 1, dtype=np.int64))


PACKINGS: dict[Packing, Callable[..., Plan]] = {"cut": cut, "whole": whole, "none": none}


def best_fit(lengths: np.ndarray, *, seq_len: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the pieces row by row (N,), and the borders of the rows (R + 1,).

    Args:
        lengths: (N,) int64, each at most `seq_len`.
        seq_len: tokens of the longest row.
    """
    from medllm.data.best_fit import rows_of  # compiled on first use

    longest_first = np.argsort(-lengths, kind="stable")
    rows = rows_of(lengths[longest_first].astype(np.int64), seq_len)
    order = longest_first[np.argsort(rows, kind="stable")]
    counts = np.bincount(rows) if len(rows) else np.empty(0, dtype=np.int64)
    return order, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


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
