"""A row as a person reads it."""

import numpy as np
import pytest

from medllm.data.drawn import Drawn
from medllm.report.characters import Spelling
from medllm.report.rows import Piece, view
from medllm.types import IGNORE

NO = IGNORE


def row(ids, targets, positions, sources, number=12):
    arrays = (np.array(array) for array in (ids, targets, positions, sources))
    return Drawn(number, *arrays, np.zeros(1, dtype=np.int64))


@pytest.fixture
def talk(tokenizer):
    """Two examples of two sources, "a" answered by "b" and "龘" alone, and two of padding.

    <|user|> 4, <|assistant|> 5, <|end|> 2; letters from "!" 6 on, so "a" 70 and "b" 71.
    """
    dragon = tokenizer("龘", add_special_tokens=False)["input_ids"]
    assert len(dragon) == 3
    ids = [4, 70, 5, 71, 2, *dragon, 0, 0]
    targets = [NO, NO, 71, 2, NO, dragon[1], dragon[2], NO, NO, NO]
    positions = [0, 1, 2, 3, 4, 0, 1, 2, 0, 1]
    return row(ids, targets, positions, [0] * 5 + [1] * 3 + [-1] * 2), dragon


def test_examples_are_told_apart_and_named_by_their_source(talk, tokenizer):
    shown = view([talk[0]], ["talk", "books"], Spelling(tokenizer), global_batch=5)
    assert (shown.number, shown.step) == (12, 2)  # 12 // 5
    (side,) = shown.sides
    assert [(s.source, s.first, s.tokens, s.learnt) for s in side.segments] == [
        ("talk", 0, 5, 2),
        ("books", 5, 3, 2),
    ]
    assert (side.name, side.tokens, side.learnt, side.padding) == ("", 8, 4, 2)


def test_a_token_is_learnt_where_it_is_the_target_of_the_one_before(talk, tokenizer):
    shown = view([talk[0]], ["talk", "books"], Spelling(tokenizer), global_batch=5)
    first, _ = shown.sides[0].segments
    assert first.pieces == [
        Piece("<|user|>", (4,), False, True),
        Piece("a", (70,), False, False),
        Piece("<|assistant|>", (5,), False, True),
        Piece("b", (71,), True, False),
        Piece("<|end|>", (2,), True, True),
    ]


def test_a_character_of_which_only_a_part_is_learnt_is_shown_as_its_bytes(talk, tokenizer):
    """龘 is E9 BE 98; its first byte cannot be learnt, as nothing comes before it."""
    drawn, dragon = talk
    shown = view([drawn], ["talk", "books"], Spelling(tokenizer), global_batch=5)
    assert shown.sides[0].segments[1].pieces == [
        Piece(r"\xe9", (dragon[0],), False, False),
        Piece(r"\xbe", (dragon[1],), True, False),
        Piece(r"\x98", (dragon[2],), True, False),
    ]


def test_a_pair_has_two_sides(tokenizer):
    chosen = row([70, 71], [71, NO], [0, 1], [0, 0])
    rejected = row([70, 0], [NO, NO], [0, 1], [0, -1])
    shown = view([chosen, rejected], ["pairs"], Spelling(tokenizer), global_batch=1)
    assert [(side.name, side.tokens, side.padding) for side in shown.sides] == [
        ("chosen", 2, 0),
        ("rejected", 1, 1),
    ]


def test_a_row_whose_positions_never_begin_is_still_shown_whole(tokenizer):
    broken = row([70, 71], [71, NO], [7, 8], [0, 0])
    shown = view([broken], ["books"], Spelling(tokenizer), global_batch=1)
    assert [segment.tokens for segment in shown.sides[0].segments] == [2]
