"""Rows on the page."""

import re

from medllm.report.rows import Piece, Segment, Side, View
from medllm.report.rows_html import rows_section

SEGMENT = Segment(
    source="talk",
    first=10,
    pieces=[
        Piece("<|user|>", (4,), False, True),
        Piece("龘", (70, 71, 72), False, False),
        Piece("<b>", (73,), True, False),
        Piece("<|end|>", (2,), True, True),
    ],
)
SIDE = Side(name="", segments=[SEGMENT], padding=3)


def section(*sides):
    return rows_section([View(number=3, step=1, sides=sides)], ["books", "talk"])


def test_every_token_tells_its_ids_its_place_and_its_fate():
    shown = re.findall(r'<span class="(t[ \w]*)" title="([^"]+)">([^<]+)</span>', section(SIDE))
    assert shown == [
        ("t control", "id 4 at 10, only read", "&lt;|user|&gt;"),
        ("t several", "ids 70 71 72 at 11, only read", "龘"),
        ("t learnt", "id 73 at 14, learnt", "&lt;b&gt;"),
        ("t learnt control", "id 2 at 15, learnt", "&lt;|end|&gt;"),
    ]


def test_an_example_is_named_by_its_source_in_the_colour_of_its_number():
    text = section(SIDE)
    assert '<span class="chip c1">talk</span>6 tokens from 10, 2 learnt' in text
    assert '<p class="padding">3 of padding</p>' in text
    assert "<h3>row 3, step 1: 6 tokens of 1 example, 2 learnt; 3 of padding</h3>" in text


def test_the_replies_of_a_pair_stand_side_by_side():
    sides = [Side(name=name, segments=[SEGMENT], padding=0) for name in ("chosen", "rejected")]
    text = section(*sides)
    assert text.count('<div class="pair">') == 1
    assert re.findall(r"<h4>(\w+):", text) == ["chosen", "rejected"]


def test_no_rows_are_no_section():
    assert rows_section([], ["books"]) == ""
