"""Lengths and the mix, counted by hand."""

import numpy as np
import pytest

from medllm.data import mix
from medllm.data.mixture import Mixture
from medllm.data.steps import Rows
from medllm.report import mixture
from tests.data import corpora

FEVERS = ["a fever"] * 4


@pytest.fixture
def made(tmp_path, tokenizer):
    """Four books of equal length and one of talk, each a row of its own."""
    sources = {
        "books": corpora.documents(tmp_path, "books", FEVERS),
        "talk": corpora.dialogues(tmp_path, "talk", [("why?", "no")]),
    }
    data = Mixture(
        sources=sources, seq_len=32, packing="none", mix_unit="row", mix=mix.all_once, heldout={}
    )
    return data.stores(tokenizer, tmp_path, progress=False)


@pytest.fixture
def accounts(made):
    """Books, books, talk, books: source 1 comes third."""
    entries = np.array([[0, 0], [0, 1], [1, 0], [0, 2]])
    return mixture.accounts(made, Rows(entries, np.arange(5)))


def test_the_mix_is_followed_through_the_run(accounts, made):
    """Four entries make three parts: two books, the talk, a book."""
    books, talk = accounts
    assert books.entries.tolist() == [2, 0, 1]
    assert talk.entries.tolist() == [0, 1, 0]
    assert talk.tokens.tolist() == [0, made["talk"].lengths[0], 0]
    assert books.tokens.tolist() == [2 * made["books"].lengths[0], 0, made["books"].lengths[0]]


def test_lengths_are_those_of_examples(accounts, tokenizer):
    """Begin and end besides the text."""
    length = len(tokenizer("a fever", add_special_tokens=False)["input_ids"]) + 2
    assert accounts[0].lengths.tolist() == [length] * 4
    assert accounts[0].learnt == pytest.approx((length - 1) / length)


def test_efficiency_is_the_share_of_the_room_that_tokens_take(accounts, made):
    tokens = 3 * made["books"].lengths[0] + made["talk"].lengths[0]
    assert mixture.efficiency(accounts, 4, seq_len=32) == tokens / 128


def test_of_a_pair_both_replies_count(tmp_path, tokenizer):
    data = Mixture(
        sources={"pairs": corpora.pairs(tmp_path, "pairs", [("yes it is", "no")])},
        seq_len=32, packing="none", mix_unit="row", mix=mix.all_once, heldout={},
    )  # fmt: skip
    stores = data.stores(tokenizer, tmp_path, progress=False)
    (pairs,) = mixture.accounts(stores, data.rows(stores, epochs=1, seed=0))
    assert pairs.tokens.tolist() == [stores["pairs"].lengths.sum()]
    assert len(pairs.lengths) == 2


def account(name, lengths, entries, tokens):
    arrays = (np.array(array) for array in (lengths, entries, tokens))
    lengths, entries, tokens = arrays
    return mixture.Account(name=name, lengths=lengths, learnt=0.5, entries=entries, tokens=tokens)


PAIR = [account("a", [1, 2, 3], [3, 1, 0], [30, 10, 0]), account("b", [5], [1, 1, 2], [10, 30, 40])]


def cells(table):
    return [list(row) for row in zip(*(column.cells for column in table.columns), strict=True)]


def test_the_mix_as_a_table():
    """a: 4 of 8 rows, 3 of 4 at the start, 1 of 2 in the middle; tokens 40 of 120, 30 of 40."""
    rows = cells(mixture.mix_table(PAIR, "row", 0.25))
    assert rows[0] == ["a", "rows", "0.500 ██▌", "0.750 ███▊", "0.500 ██▌", "0.000"]
    assert rows[1] == ["a", "tokens", "0.333 █▋", "0.750 ███▊", "0.250 █▎", "0.000"]
    assert [row[:2] for row in rows[2:]] == [["b", "rows"], ["b", "tokens"]]


def test_lengths_as_a_table():
    """Of 1, 2 and 3: 5 % lie below 1.1, which is 1; 95 % below 2.9, which is 3."""
    rows = cells(mixture.lengths_table(PAIR))
    assert rows[0] == ["a", "1", "1", "2", "2", "2", "3", "3", "0.500"]
    assert rows[1] == ["b", *["5"] * 7, "0.500"]


@pytest.mark.parametrize(
    ("share", "drawn"), [(0, "0.000"), (1, "1.000 █████"), (0.5, "0.500 ██▌"), (0.1, "0.100 ▌")]
)
def test_a_bar_is_five_characters_for_the_whole(share, drawn):
    assert mixture.bar(share) == drawn


def test_figures_of_several_sources_show_the_mix():
    """Of 1, 2 and 3, 98 % lie below 1 + 0.98 * 2."""
    lengths, by_tokens, by_rows = mixture.panels(PAIR, "row")
    assert lengths.lines[0].x[[0, -1]] == pytest.approx([1, 2.96])
    assert by_tokens.lines[0].y.tolist() == [0.75, 0.25, 0]
    assert by_rows.lines[1].y.tolist() == [0.25, 0.5, 1]
    assert by_rows.alt.startswith("The mix by rows; share of the rows against")


def test_one_source_is_no_mix():
    assert [panel.name for panel in mixture.panels(PAIR[:1], "row")] == ["lengths"]
