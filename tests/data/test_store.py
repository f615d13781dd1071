"""Stores: what they hold, and when they are made anew."""

import json
import logging
import os
from dataclasses import replace

import numpy as np
import pytest

from medllm.data.build import build_or_open, tokenizer_digest
from medllm.data.source import exam
from medllm.data.tokenise import tokenise, tokenise_pair
from medllm.errors import ConfigError, DataError
from tests.data import corpora

TEXTS = ["a fever", "the patient has a cough", "drug for the doctor"]


def store_of(source, folder, tokenizer, *, seq_len=64, packing="none", unit="row"):
    return build_or_open(
        source,
        name="books",
        tokenizer=tokenizer,
        seq_len=seq_len,
        packing=packing,
        unit=unit,
        folder=folder,
        progress=False,
    )


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


def test_a_touched_file_with_the_same_content_is_as_good(books, tmp_path, tokenizer, caplog):
    store_of(books, tmp_path, tokenizer)
    os.utime(books.files, ns=(1, 1))
    store_of(books, tmp_path, tokenizer)
    assert "rebuilding" not in caplog.text


def _delete_manifest(folder):
    (folder / "manifest.json").unlink()


def _cut_the_manifest(folder):
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text()[:50])


def _cut_ids(folder):
    os.truncate(folder / "ids.bin", 4)


def _age(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"version": 0}))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_delete_manifest, "it has no complete manifest"),
        (_cut_the_manifest, "it has no complete manifest"),
        (_cut_ids, "ids.bin does not have its"),
        (_age, "it is of version 0, this is 1"),
    ],
)
def test_a_damaged_store_is_rebuilt(books, tmp_path, tokenizer, caplog, damage, reason):
    before = store_of(books, tmp_path, tokenizer)
    ids = before.entry(1).ids.tolist()
    damage(before.folder)
    after = store_of(books, tmp_path, tokenizer)
    assert after.entry(1).ids.tolist() == ids
    (line,) = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert line.startswith(f"rebuilding the store {before.folder}: {reason}")


def test_a_store_older_than_its_files_is_rebuilt(books, tmp_path, tokenizer, caplog):
    store_of(books, tmp_path, tokenizer)
    corpora.documents(tmp_path, "books", [*TEXTS, "one more"])
    assert len(store_of(books, tmp_path, tokenizer)) == 4
    assert "books.jsonl has changed since" in caplog.text


def test_a_build_that_dies_leaves_nothing_behind(books, tmp_path, tokenizer):
    tokenizer.eos_token = None
    with pytest.raises(ConfigError, match="no end token"):
        store_of(books, tmp_path / "stores", tokenizer)
    assert list((tmp_path / "stores").iterdir()) == []


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
    lines = (store.folder / "quarantine.jsonl").read_text().splitlines()
    rejected = [json.loads(line) for line in lines]
    assert [(r["file"], r["line"]) for r in rejected] == [("talk", 2), ("talk", 3)]
    assert rejected[0]["reason"] == "example talk/2 spells out the control token '<|end|>'"
    assert rejected[1]["reason"] == "nothing to learn within seq_len=12 tokens"
    assert store.manifest["quarantined"] == 2


def test_pairs_that_differ_only_beyond_the_row_are_quarantined(tmp_path, tokenizer):
    source = corpora.pairs(tmp_path, "pairs", [("yes", "no"), ("drug the first", "drug the last")])
    store = store_of(source, tmp_path, tokenizer, seq_len=10)
    assert len(store) == 1
    assert "no difference between the replies" in (store.folder / "quarantine.jsonl").read_text()


def test_a_source_of_which_nothing_can_be_learnt_is_an_error(tmp_path, tokenizer):
    source = corpora.dialogues(tmp_path, "talk", [("q<|end|>", "a")])
    with pytest.raises(DataError, match=r"1 quarantined; the first, talk:1: example talk/1 spells"):
        store_of(source, tmp_path, tokenizer)


def test_too_little_text_for_a_row_is_an_error(books, tmp_path, tokenizer):
    with pytest.raises(DataError, match=r"do not fill one row of seq_len=4096; use a shorter"):
        store_of(books, tmp_path, tokenizer, seq_len=4096, packing="cut")


def test_pairs_cannot_be_packed(tmp_path, tokenizer):
    source = corpora.pairs(tmp_path, "pairs", [("yes", "no")])
    with pytest.raises(ConfigError, match=r"data.packing=whole must be none"):
        store_of(source, tmp_path, tokenizer, packing="whole")


def test_an_exam_is_not_trained_on_as_it_is(tmp_path, tokenizer):
    source = replace(
        corpora.dialogues(tmp_path, "talk", [("q", "a")]),
        to_example=lambda record, id: exam.open_question(record, id, question=["q"], answer="a"),
    )
    with pytest.raises(DataError, match=r"talk/1 is an exam question; .*source.exam.conversation"):
        store_of(source, tmp_path, tokenizer)


def test_a_log_line_says_what_was_read_and_what_was_cut(books, tmp_path, tokenizer, caplog):
    caplog.set_level(logging.INFO)
    store_of(books, tmp_path, tokenizer, seq_len=9)
    assert f"{books.files}: 3 examples, 2 of them cut at seq_len=9, 0 quarantined" in caplog.text


def test_a_store_that_another_process_finished_first_is_kept(books, tmp_path, tokenizer):
    """While this process reads, another one builds: a reading that builds plays it."""
    other = []

    def read_slowly(record, id):
        if not other:
            other.append(None)
            other[0] = store_of(slow, tmp_path, tokenizer).folder
            (other[0] / "theirs").touch()
        return books.to_example(record, id)

    slow = replace(books, to_example=read_slowly)
    assert (store_of(slow, tmp_path, tokenizer).folder / "theirs").exists()


def test_whole_rows_hold_every_token_once(books, tmp_path, tokenizer):
    packed = store_of(books, tmp_path, tokenizer, packing="whole")
    single = store_of(books, tmp_path, tokenizer)
    ids = [np.concatenate([s.entry(n).ids for n in range(len(s))]) for s in (packed, single)]
    assert sorted(ids[0].tolist()) == sorted(ids[1].tolist())
    assert len(packed) < len(single)
