"""Rows in the terminal. Colour helps, and nothing depends on it: every sign is a character too."""

from collections.abc import Iterator
from itertools import groupby

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from medllm.report.rows import Segment, Side, View

LEARNT, READ, SPECIAL, QUIET = "green", "bright_black", "bold cyan", "bright_black"


def legend() -> Text:
    return Text.assemble(
        ("⟦learnt⟧", LEARNT), "  ", ("only read", READ), "  ", ("◆control token", SPECIAL), "  ",
        ("── an example begins", QUIET), "  ", ("░ padding", QUIET),
    )  # fmt: skip


def rendered(view: View) -> RenderableType:
    """A row under its rule; of a pair, chosen and rejected side by side."""
    rule = Rule(Text(headline(view)), align="left", style=QUIET)
    sides = [Group(*_side(side)) for side in view.sides]
    if len(sides) == 1:
        return Group(rule, *sides)
    table = Table(expand=True)
    for side in view.sides:
        table.add_column(Text(f"{side.name}: {told(side)}"), ratio=1, overflow="fold")
    table.add_row(*sides)
    return Group(rule, table)


def headline(view: View) -> str:
    """E.g. "row 12, step 1: 110 tokens of 3 examples, 95 learnt; 18 of padding"."""
    if len(view.sides) == 2:
        return f"pair {view.number}, step {view.step}"
    return f"row {view.number}, step {view.step}: {told(view.sides[0])}"


def told(side: Side) -> str:
    examples = _many(len(side.segments), "example")
    padding = f"; {side.padding} of padding" if side.padding else ""
    return f"{_many(side.tokens, 'token')} of {examples}, {side.learnt} learnt{padding}"


def _side(side: Side) -> Iterator[Text]:
    for number, segment in enumerate(side.segments, 1):
        yield Text(f"── {number} {segment.source}: {caption(segment)}", QUIET)
        yield _segment(segment)
    if side.padding:
        yield Text(f"░ {side.padding} of padding", QUIET)


def caption(segment: Segment) -> str:
    return f"{_many(segment.tokens, 'token')} from {segment.first}, {segment.learnt} learnt"


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _segment(segment: Segment) -> Text:
    text = Text(overflow="fold")
    for is_learnt, alike in groupby(segment.pieces, key=lambda piece: piece.is_learnt):
        style = LEARNT if is_learnt else READ
        text.append("⟦" if is_learnt else "", style)
        for is_special, pieces in groupby(alike, key=lambda piece: piece.is_special):
            words = [piece.text for piece in pieces]
            if is_special:
                text.append("".join(f"◆{word}" for word in words), SPECIAL)
            else:
                text.append("".join(words), style)
        text.append("⟧" if is_learnt else "", style)
    return text
