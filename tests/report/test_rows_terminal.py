"""Rows in a terminal: with and without colours."""

import io

import pytest
from rich.console import Console

from medllm.report.rows import Piece, Segment, Side, View
from medllm.report.rows_terminal import legend, rendered

ASKED = (Piece("<|user|>", (4,), False, True), Piece("why [bold]?", (70,), False, False))
SAID = (Piece("因此", (71, 72), True, False), Piece("<|end|>", (2,), True, True))
TALK = Segment(source="talk", first=0, pieces=[*ASKED, *SAID])
BOOK = Segment(source="books", first=5, pieces=[Piece("a", (70,), False, False)])
ROW = View(number=3, step=1, sides=[Side(name="", segments=[TALK, BOOK], padding=7)])


def printed(shown, **options):
    file = io.StringIO()
    console = Console(file=file, width=80, **options)
    console.print(legend())
    console.print(rendered(shown))
    return file.getvalue()


def test_every_sign_is_a_character():
    """What a pipe or a log file gets."""
    signs, head, *body = printed(ROW).splitlines()
    assert signs == "⟦learnt⟧  only read  ◆control token  ── an example begins  ░ padding"
    assert head.startswith("row 3, step 1: 6 tokens of 2 examples, 3 learnt; 7 of padding ──")
    assert body == [
        "── 1 talk: 5 tokens from 0, 3 learnt",
        "◆<|user|>why [bold]?⟦因此◆<|end|>⟧",
        "── 2 books: 1 token from 5, 0 learnt",
        "a",
        "░ 7 of padding",
    ]


def test_a_terminal_gets_colours_too():
    text = printed(ROW, force_terminal=True, color_system="standard")
    assert "\x1b[32m因此\x1b[0m" in text
    assert "\x1b[1;36m◆<|end|>\x1b[0m" in text


def test_without_colours_the_signs_remain(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    text = printed(ROW, force_terminal=True)
    assert "\x1b[32m" not in text
    assert "⟦因此" in text


@pytest.mark.parametrize("side", ["chosen", "rejected"])
def test_the_replies_of_a_pair_stand_side_by_side(side):
    sides = [Side(name=name, segments=[TALK], padding=0) for name in ("chosen", "rejected")]
    lines = printed(View(number=0, step=0, sides=sides)).splitlines()
    assert lines[1].startswith("pair 0, step 0 ─")
    assert any(f"{side}: 5 tokens of 1 example" in line for line in lines)
    assert any(line.count("⟦因此◆<|end|>⟧") == 2 for line in lines)
