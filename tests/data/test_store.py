"""Stores: what they hold, and when they are made anew."""

import logging
import os
from dataclasses import replace

import numpy as np
import pytest

from medllm.data import left_out, mix
from medllm.data.mixture import Mixture
from medllm.data.tokenise import tokenise, tokenise_pair
from medllm.data.tokens import tokenizer_digest
from medllm.errors import ConfigError, DataError
from tests.data import corpora

TEXTS = ["a fever", "the patient has a cough", "drug for the doctor"]


def store_of(source, folder, tokenizer, *, seq_len=64, packing="none", unit="row"):
    mixture = Mixture(
        sources={"books": source},
        seq_len=seq_len,
        packing=packing,
        mix_unit=unit,
        mix=mix.all_once,
        heldout={},
    )
    return mixture.stores(tokenizer, folder, progress=False)["books"]


def left_out_of(folder):
    """All that was left out on the way to the stores in `folder`."""
    files = sorted(folder.glob("*/*/*left_out.jsonl"))
    return [entry for file in files for entry in left_out.read(file)]


@pytest.fixture
def books(tmp_path):
    return corpora.documents(tmp_path, "books", TEXTS)


def test_an_entry_is_what_was_tokenised(books, tmp_path, tokenizer):
    store = store_of(books, tmp_path, tokenizer)
    expected = [tokenise(example, tokenizer) for example in books.examples(None)]
    assert len(store) == 3
    for number, tokens in enumerate(expected):
        ids, targets, positions = store.entry(number)
        assert ids.tolist() == tokens.ids.tolist()
        assert targets.tolist() == tokens.targets.tolist()
        assert positions.tolist() == list(range(len(ids)))
    assert store.lengths.tolist() == [len(tokens.ids) for tokens in expected]
    assert store.learnt.tolist() == [len(tokens.ids) - 1 for tokens in expected]


def test_the_manifest_counts_what_was_dropped(books, tmp_path, tokenizer):
    whole = store_of(books, tmp_path, tokenizer).manifest
    cut = store_of(books, tmp_path, tokenizer, seq_len=8, packing="cut").manifest
    assert cut["entries"] == whole["tokens"] // 8
    assert cut["dropped_tail_tokens"] == whole["tokens"] % 8
    assert cut["tokens"] == cut["entries"] * 8
    assert (whole["examples"], whole["quarantined"], whole["truncated"]) == (3, 0, 0)


def test_a_pair_takes_two_entries(tmp_path, tokenizer):
    source = corpora.pairs(tmp_path, "pairs", [("yes it is", "no"), ("rest", "run away")])
    store = store_of(source, tmp_path, tokenizer)
    assert store.is_pairs
    assert len(store) == 2
    expected = [
        side.ids.tolist()
        for example in source.examples(None)
        for side in tokenise_pair(example, tokenizer)
    ]
    assert [store.entry(number).ids.tolist() for number in range(4)] == expected


def test_a_good_store_is_opened_and_not_made_again(books, tmp_path, tokenizer):
    first = store_of(books, tmp_path, tokenizer).folder
    made = os.stat(first / "manifest.json").st_mtime_ns
    assert store_of(books, tmp_path, tokenizer).folder == first
    assert os.stat(first / "manifest.json").st_mtime_ns == made


@pytest.mark.parametrize("damaged", ["rows/*/starts.npy", "tokens/*/ids.bin", "corpora/*/*.jsonl"])
def test_what_is_damaged_is_made_anew(books, tmp_path, tokenizer, caplog, damaged):
    ids = store_of(books, tmp_path, tokenizer).entry(1).ids.tolist()
    (file, *_) = sorted(tmp_path.glob(damaged))
    os.truncate(file, 4)
    assert store_of(books, tmp_path, tokenizer).entry(1).ids.tolist() == ids
    (line,) = caplog.messages
    assert line.startswith(f"making {file.parent} anew: {file.name} does not have its ")


def test_what_was_made_of_a_damaged_corpus_stays_good(books, tmp_path, tokenizer):
    """The corpus is gathered again, and says that its content is the same."""
    rows = store_of(books, tmp_path, tokenizer).folder
    made = os.stat(rows / "manifest.json").st_mtime_ns
    next(tmp_path.glob("corpora/*/manifest.json")).unlink()
    assert store_of(books, tmp_path, tokenizer).folder == rows
    assert os.stat(rows / "manifest.json").st_mtime_ns == made


def test_another_length_of_rows_is_another_plan_over_the_same_tokens(books, tmp_path, tokenizer):
    long = store_of(books, tmp_path, tokenizer)
    short = store_of(books, tmp_path, tokenizer, seq_len=8)
    assert long.folder != short.folder
    assert long.tokens.folder == short.tokens.folder


def test_a_vocabulary_beyond_two_bytes_is_stored_in_four(books, tmp_path, tokenizer):
    assert store_of(books, tmp_path, tokenizer).tokens.ids.dtype == np.uint16
    tokenizer.add_tokens([f"piece{number}" for number in range(1 << 16)])
    assert store_of(books, tmp_path, tokenizer).tokens.ids.dtype == np.uint32


def test_a_build_that_dies_leaves_no_store(books, tmp_path, tokenizer):
    tokenizer.eos_token = None
    with pytest.raises(ConfigError, match="no end token"):
        store_of(books, tmp_path / "stores", tokenizer)
    assert not list((tmp_path / "stores/tokens").glob("[!.]*"))


def test_everything_that_decides_the_rows_names_the_store(books, tmp_path, tokenizer):
    other = corpora.dialogues(tmp_path, "talk", [("q", "a")])
    folders = [
        store_of(books, tmp_path, tokenizer).folder,
        store_of(books, tmp_path, tokenizer, seq_len=32).folder,
        store_of(books, tmp_path, tokenizer, packing="whole").folder,
        store_of(replace(books, limit=2), tmp_path, tokenizer).folder,
        store_of(other, tmp_path, tokenizer).folder,
    ]
    tokenizer.chat_template += " "
    folders.append(store_of(books, tmp_path, tokenizer).folder)
    assert len(set(folders)) == 6


def test_a_tokenizer_keeps_its_digest_when_it_is_used(tokenizer):
    before = tokenizer_digest(tokenizer)
    tokenizer(["a", "longer"], padding=True, truncation=True, max_length=4)
    assert tokenizer_digest(tokenizer) == before


def test_what_cannot_be_tokenised_is_quarantined_too(tmp_path, tokenizer):
    talk = [("q", "a"), ("q<|end|>", "a"), ("a question far too long for the row", "a")]
    source = corpora.dialogues(tmp_path, "talk", talk)
    store = store_of(source, tmp_path, tokenizer, seq_len=12)
    assert len(store) == 1
    first, second = left_out_of(tmp_path)
    assert [(entry.file, entry.line) for entry in (second, first)] == [
        (source.files, 2),
        (source.files, 3),
    ]
    assert second.reason == "example talk/2 spells out the control token '<|end|>'"
    assert first.reason == "nothing to learn within seq_len=12 tokens"
    assert store.manifest["quarantined"] == 2


def test_pairs_that_differ_only_beyond_the_row_are_quarantined(tmp_path, tokenizer):
    source = corpora.pairs(tmp_path, "pairs", [("yes", "no"), ("drug the first", "drug the last")])
    store = store_of(source, tmp_path, tokenizer, seq_len=10)
    assert len(store) == 1
    (entry,) = left_out_of(tmp_path)
    assert entry.reason == "no difference between the replies within seq_len=10 tokens"


def test_a_source_of_which_nothing_can_be_learnt_is_an_error(tmp_path, tokenizer):
    source = corpora.dialogues(tmp_path, "talk", [("q<|end|>", "a")])
    with pytest.raises(
        DataError, match=r"1 left out; the first, .*talk.jsonl:1: example talk/1 spells"
    ):
        store_of(source, tmp_path, tokenizer)


def test_too_little_text_for_a_row_is_an_error(books, tmp_path, tokenizer):
    with pytest.raises(DataError, match=r"do not fill one row of seq_len=4096; use a shorter"):
        store_of(books, tmp_path, tokenizer, seq_len=4096, packing="cut")


@pytest.mark.parametrize("unit", ["row", "example"])
def test_pairs_cannot_be_packed(tmp_path, tokenizer, unit):
    source = corpora.pairs(tmp_path, "pairs", [("yes", "no")])
    with pytest.raises(ConfigError, match=r"data.packing=whole must be none"):
        store_of(source, tmp_path, tokenizer, packing="whole", unit=unit)


def test_a_log_line_says_what_was_read_and_what_was_cut(books, tmp_path, tokenizer, caplog):
    caplog.set_level(logging.INFO)
    store_of(books, tmp_path, tokenizer, seq_len=9)
    assert "books: 3 examples, 2 of them cut at seq_len=9, 0 quarantined" in caplog.text


def test_whole_rows_hold_every_token_once(books, tmp_path, tokenizer):
    packed = store_of(books, tmp_path, tokenizer, packing="whole")
    single = store_of(books, tmp_path, tokenizer)
    ids = [np.concatenate([s.entry(n).ids for n in range(len(s))]) for s in (packed, single)]
    assert sorted(ids[0].tolist()) == sorted(ids[1].tolist())
    assert len(packed) < len(single)


def test_a_source_found_to_hold_patients_quotes_none_of_what_was_left_out(tmp_path, tokenizer):
    """Prepared once without the mark, and again with it: other tokens, other lists."""
    source = corpora.dialogues(tmp_path, "talk", [("q", "a"), ("Mrs Wang <|end|>", "a")])
    open_to_all = store_of(source, tmp_path, tokenizer).tokens.folder
    private = store_of(replace(source, has_patient_data=True), tmp_path, tokenizer).tokens.folder
    assert "Mrs Wang" in (open_to_all / "left_out.jsonl").read_text()
    assert "Mrs Wang" not in (private / "left_out.jsonl").read_text()
