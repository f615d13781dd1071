"""Rows as the model reads them, made legible: what is learnt, what only read, what is padding.

Drawn -> View -> Side (a row, or a reply of a pair) -> Segment (an example) -> Piece
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from medllm.report.characters import Spelling, characters, legible
from medllm.types import IGNORE

if TYPE_CHECKING:
    from medllm.data.drawn import Drawn


class Piece(NamedTuple):
    """Tokens that end with a character: mostly one, several where they share a character.

    is_learnt: the model is taught to say it.
    is_special: a control token, which stands for no text.
    """

    text: str
    ids: tuple[int, ...]
    is_learnt: bool
    is_special: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Tokens whose positions run on: an example, or as much of it as lies in the row.

    first: where it begins in the row.
    """

    source: str
    first: int
    pieces: Sequence[Piece]

    @property
    def tokens(self) -> int:
        return sum(len(piece.ids) for piece in self.pieces)

    @property
    def learnt(self) -> int:
        return sum(len(piece.ids) for piece in self.pieces if piece.is_learnt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A row. name: "chosen" or "rejected" of a pair, else "". padding: tokens behind the text."""

    name: str
    segments: Sequence[Segment]
    padding: int

    @property
    def tokens(self) -> int:
        return sum(segment.tokens for segment in self.segments)

    @property
    def learnt(self) -> int:
        return sum(segment.learnt for segment in self.segments)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A row or a pair of the run. number, step: counted from 0."""

    number: int
    step: int
    sides: Sequence[Side]


def view(
    rows: "Sequence[Drawn]", names: Sequence[str], spelling: Spelling, *, global_batch: int
) -> View:
    """What a person may read of a row, or of the two rows of a pair.

    Args:
        rows: one, or the chosen and the rejected one.
        names: of the sources, by number.
        spelling: of the tokenizer that made the rows.
        global_batch: rows of an optimiser step.
    """
    titles = ("chosen", "rejected") if len(rows) == 2 else ("",)
    sides = [_side(title, row, names, spelling) for title, row in zip(titles, rows, strict=True)]
    number = rows[0].number
    return View(number=number, step=number // global_batch, sides=sides)


def _side(title: str, row: "Drawn", names: Sequence[str], spelling: Spelling) -> Side:
    length = int((row.sources >= 0).sum())
    # A token is learnt where it is the target of the one before it.
    learnt = np.concatenate([[False], row.targets[:-1] != IGNORE])
    begins = row.positions[:length] == 0
    begins[:1] = True  # even in a broken row, so that all of it is shown
    starts = [*np.flatnonzero(begins).tolist(), length]
    segments = [
        Segment(
            source=names[int(row.sources[start])],
            first=start,
            pieces=list(_pieces(row.ids[start:stop], learnt[start:stop], spelling)),
        )
        for start, stop in pairwise(starts)
    ]
    return Side(name=title, segments=segments, padding=len(row.ids) - length)


def _pieces(ids: np.ndarray, learnt: np.ndarray, spelling: Spelling) -> Iterator[Piece]:
    """Tokens of one segment, put together where they share a character and are alike."""
    tokens = zip(ids.tolist(), learnt.tolist(), strict=True)
    alike = groupby(tokens, key=lambda token: (token[1], token[0] in spelling.special))
    for (is_learnt, is_special), group in alike:
        run = [id for id, _ in group]
        spelt = spelling.bytes_of(run)
        texts = ((1, legible(word)) for word in spelt) if is_special else characters(spelt)
        at = 0
        for width, text in texts:
            yield Piece(text, tuple(run[at : at + width]), is_learnt, is_special)
            at += width
