"""From a row of a run back to the examples it is made of."""

import shutil

import pytest

from medllm.data import mix
from medllm.data.mixture import Mixture
from medllm.data.names import examples_of
from tests.data import corpora

TEXTS = ["a fever", "the patient has a cough", "drug for the doctor"]


def planned(source, folder, tokenizer, *, packing="none", seq_len=64, unit="row"):
    """Stores and rows of one source."""
    mixture = Mixture(
        sources={"books": source}, seq_len=seq_len, packing=packing, mix_unit=unit,
        mix=mix.all_once,
        heldout={},
    )  # fmt: skip
    stores = mixture.stores(tokenizer, folder, progress=False)
    return list(stores.values()), mixture.rows(stores, epochs=1, seed=0)


def every_row(stores, rows):
    return [examples_of(row, stores, rows) for row in range(len(rows.borders) - 1)]


@pytest.fixture
def books(tmp_path):
    return corpora.documents(tmp_path, "books", TEXTS)


def test_a_row_of_one_example_is_named_after_it(books, tmp_path, tokenizer):
    stores, rows = planned(books, tmp_path, tokenizer)
    expected = {0: "books/1", 1: "books/2", 2: "books/3"}
    assert every_row(stores, rows) == [[expected[entry]] for _, entry in rows.entries]


def test_a_packed_row_is_named_after_all_its_examples(books, tmp_path, tokenizer):
    (row,) = every_row(*planned(books, tmp_path, tokenizer, packing="whole"))
    assert sorted(row) == ["books/1", "books/2", "books/3"]


def test_examples_mixed_and_then_packed_are_named_in_their_order(books, tmp_path, tokenizer):
    stores, rows = planned(books, tmp_path, tokenizer, packing="whole", unit="example")
    (row,) = every_row(stores, rows)
    assert row == [f"books/{entry + 1}" for _, entry in rows.entries]


def test_a_document_cut_over_rows_is_named_in_each(tmp_path, tokenizer):
    """40 tokens and more of one document, in rows of 8; then another begins."""
    source = corpora.documents(tmp_path, "books", ["fever " * 40, "cough " * 40])
    stores, rows = planned(source, tmp_path, tokenizer, packing="cut", seq_len=8)
    found = dict(zip(rows.entries[:, 1].tolist(), every_row(stores, rows), strict=True))
    named = [found[entry] for entry in sorted(found)]
    assert named[0] == named[1] == ["books/1"]
    assert named[-1] == named[-2] == ["books/2"]
    assert sum(row == ["books/1", "books/2"] for row in named) <= 1
    assert {name for row in named for name in row} == {"books/1", "books/2"}


def test_a_pair_is_named_once(tmp_path, tokenizer):
    source = corpora.pairs(tmp_path, "judged", [("rest", "run"), ("drug", "no drug")])
    stores, rows = planned(source, tmp_path, tokenizer)
    assert sorted(every_row(stores, rows)) == [["judged/1"], ["judged/2"]]


def test_an_empty_row_has_no_examples(books, tmp_path, tokenizer):
    assert examples_of(-1, *planned(books, tmp_path, tokenizer)) == []


def test_without_its_corpus_an_example_is_named_by_its_tokens(books, tmp_path, tokenizer):
    stores, rows = planned(books, tmp_path, tokenizer)
    shutil.rmtree(tmp_path / "corpora")
    tokens = stores[0].manifest["tokens_folder"]
    assert sorted(every_row(stores, rows)) == [[f"{tokens}#{number}"] for number in (0, 1, 2)]
