"""Sources into corpora: cleaned, counted, in parts, by any number of workers."""

import json
import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial

import pytest

from medllm.data import build, gather, left_out
from medllm.data.cleaning import cleaned_as
from medllm.data.corpus import Texts
from medllm.data.deidentify.deidentifier import Deidentifier
from medllm.data.preparation import Preparation
from medllm.data.progress import Progress
from medllm.data.source import exam, instruction
from medllm.errors import DataError
from medllm.types import Conversation, Document, Preference, Turn
from tests.data import corpora

TEXTS = ["a fever", "the patient has a cough", "drug for the doctor"]


def corpus_of(source, folder):
    return build.corpus_of(
        source,
        name="books",
        folder=folder,
        preparation=Preparation(workers=1),
        progress=Progress(is_shown=False),
    )


def loud(text):
    return text.upper()


def no_fever(text):
    return text.replace("a fever", " ")


def short(example):
    return True if len(example.text) < 20 else (False, f"longer than 20 ({len(example.text)})")


def dull(example):
    return False, "too dull"


@pytest.fixture
def books(tmp_path):
    return corpora.documents(tmp_path, "books", TEXTS)


def test_a_corpus_holds_the_examples_in_order(books, tmp_path):
    corpus = corpus_of(books, tmp_path)
    assert list(corpus) == [Document(f"books/{n}", text) for n, text in enumerate(TEXTS, start=1)]
    assert [corpus.example(number) for number in (2, 0)] == [
        Document("books/3", TEXTS[2]),
        Document("books/1", TEXTS[0]),
    ]
    assert corpus.where(1) == (books.files, 2)
    assert corpus.manifest["characters"] == sum(map(len, TEXTS))


@pytest.mark.parametrize(
    "example",
    [
        Document("a/1", "line\nline\u2028\r"),
        Conversation("a/1", (Turn("user", "疼"), Turn("assistant", "休息"))),
        Preference("a/1", (Turn("system", "s"), Turn("user", "q")), "better", "worse"),
    ],
)
def test_an_example_is_read_as_it_was_written(example):
    from medllm.data.corpus import decoded, encoded

    assert decoded(encoded(example, 7), type(example)) == example


def test_what_is_altered_is_what_is_kept(books, tmp_path):
    source = replace(books, alter={"loud": loud}, keep={"short": short})
    corpus = corpus_of(source, tmp_path)
    assert [document.text for document in corpus] == ["A FEVER", "DRUG FOR THE DOCTOR"]
    assert corpus.manifest["left_out"] == {"short": {"longer than 20": 1}}
    (entry,) = left_out.read(next(corpus.folder.glob("*.left_out.jsonl")))
    assert entry == left_out.LeftOut(
        books.files, 2, "books/2", "short", "longer than 20 (23)", "the patient has a cough"
    )


def test_an_example_of_which_nothing_is_left_is_counted(books, tmp_path):
    source = replace(books, alter={"fever": no_fever})
    assert corpus_of(source, tmp_path).manifest["left_out"] == {
        "fever": {"nothing is left of it": 1}
    }


def test_patients_words_are_not_copied_into_the_list_of_what_was_left_out(books, tmp_path):
    source = replace(books, keep={"short": short}, has_patient_data=True)
    (file,) = corpus_of(source, tmp_path).folder.glob("*.left_out.jsonl")
    assert "patient has a cough" not in file.read_text()
    assert json.loads(file.read_text())["line"] == 2


def test_questions_are_not_trained_on(tmp_path):
    file = tmp_path / "exam.jsonl"
    file.write_text('{"q": "why?", "a": "so"}\n')
    source = replace(
        corpora.documents(tmp_path, "none", ["x"]),
        files=str(file),
        to_example=partial(exam.open_question, question=["q"], answer="a"),
    )
    with pytest.raises(DataError, match="exam/1 is an exam question; to train on it"):
        corpus_of(source, tmp_path)


def test_a_corpus_without_examples_names_the_first_that_was_left_out(books, tmp_path):
    source = replace(books, keep={"short": dull})
    with pytest.raises(DataError, match=r"3 records read, 3 left out; the first, .*:1: too dull"):
        corpus_of(source, tmp_path)


def test_a_changed_file_is_gathered_again(books, tmp_path, caplog):
    corpus_of(books, tmp_path)
    corpora.documents(tmp_path, "books", [*TEXTS, "one more"])
    assert len(corpus_of(books, tmp_path)) == 4
    assert "books.jsonl has changed since" in caplog.text


def test_a_touched_file_with_the_same_content_is_as_good(books, tmp_path, caplog):
    corpus_of(books, tmp_path)
    os.utime(books.files, ns=(1, 1))
    corpus_of(books, tmp_path)
    assert not caplog.messages


def many(folder):
    return corpora.documents(folder, "many", [f"text {number} " * 20 for number in range(400)])


def gathered(source, work, workers=None):
    work.mkdir(exist_ok=True)
    return gather.gather(source, work, workers=workers, advance=lambda characters: None)


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(gather, "BATCH", 2000)
    monkeypatch.setattr(gather, "PART", 10_000)


def test_the_corpus_does_not_depend_on_the_workers(tmp_path, small_parts):
    source = many(tmp_path)
    alone = gathered(source, tmp_path / "alone")
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as workers:
        together = gathered(source, tmp_path / "together", workers)
    assert len(alone["parts"]) > 3
    assert alone == together


def _until_killed(source, work, parts):
    """Gather until `parts` parts are whole, and die without a word in the middle of the next."""
    begun = 0

    def advance(characters):
        nonlocal begun
        begun += 1
        if len(list(work.glob("*-*.json"))) == parts and begun % 3 == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    gather.gather(source, work, workers=None, advance=advance)


@pytest.mark.parametrize("parts", [0, 1, 3])
def test_a_killed_gathering_goes_on_after_the_last_whole_part(tmp_path, small_parts, parts):
    source = many(tmp_path)
    expected = gathered(source, tmp_path / "whole")
    work = tmp_path / "killed"
    work.mkdir()
    process = multiprocessing.get_context("fork").Process(
        target=_until_killed, args=(source, work, parts)
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    whole = {file.name: file.stat().st_mtime_ns for file in work.glob("*-*.json")}
    assert len(whole) == parts
    assert gathered(source, work) == expected
    assert (
        whole.items()
        <= {file.name: file.stat().st_mtime_ns for file in work.glob("*-*.json")}.items()
    )
    names = {file.name for file in (tmp_path / "whole").iterdir()}
    assert {file.name for file in work.iterdir()} == names
    for name in names:
        assert (work / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_gathering_of_files_that_changed_starts_anew(tmp_path, small_parts):
    source = many(tmp_path)
    gathered(source, tmp_path / "work")
    corpora.documents(tmp_path, "many", ["quite another"])
    assert gathered(source, tmp_path / "work")["examples"] == 1


def test_a_limit_counts_records_over_all_files(tmp_path):
    for name in ("a", "b", "c"):
        corpora.documents(tmp_path, name, ["x y z", "u v w"])
    source = replace(corpora.documents(tmp_path, "a", ["x y z", "u v w"]), limit=3)
    corpus = corpus_of(replace(source, files=str(tmp_path / "[abc].jsonl")), tmp_path / "stores")
    assert [example.text for example in corpus] == ["x y z", "u v w", "x y z"]


def test_texts_are_those_of_the_examples_that_count(tmp_path):
    first = corpus_of(corpora.documents(tmp_path, "a", ["one", "two", "three"]), tmp_path)
    second = corpus_of(corpora.dialogues(tmp_path, "b", [("why?", "so")]), tmp_path)
    texts = Texts([first, second], [[0, 2], [0]])
    assert list(texts) == [texts[0], texts[1], texts[2]] == ["one", "three", "why?\nso"]
    assert texts.place(2) == (1, 0)


def test_held_out_text_is_cleaned_as_training_text_is(books):
    source = replace(books, alter={"loud": loud}, keep={"short": short})
    kept = cleaned_as(source, source.examples(None))
    assert [document.text for document in kept] == ["A FEVER", "DRUG FOR THE DOCTOR"]


def test_a_reason_quotes_no_patient(tmp_path):
    """The name of a field stays, what stands in it does not."""
    source = replace(
        corpora.pairs(tmp_path, "pairs", [("yes", "no")]),
        to_example=partial(instruction.sharegpt),
        has_patient_data=True,
    )
    (tmp_path / "pairs.jsonl").write_text(
        json.dumps({"conversations": [{"from": "Mrs Wang", "value": "my chest hurts"}]})
        + "\n"
        + json.dumps({"conversations": "my chest hurts"})
        + "\n"
        + json.dumps(
            {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}
        )
    )
    (file,) = corpus_of(source, tmp_path).folder.glob("*.left_out.jsonl")
    reasons = [entry.reason for entry in left_out.read(file)]
    assert reasons[0].startswith("role '…' is not one of")
    assert reasons[1] == "'conversations' is not a list of turns"


def test_what_is_de_identified_is_audited_without_what_stood_there(tmp_path):
    source = replace(
        corpora.documents(tmp_path, "notes", ["患者张建国，电话13812345678，咳嗽三天。"]),
        deidentify=Deidentifier(languages=["zh"], style="tag", seed=1),
        has_patient_data=True,
    )
    corpus = corpus_of(source, tmp_path)
    said = corpus.example(0).text
    assert "张建国" not in said
    assert "13812345678" not in said
    assert "咳嗽三天" in said
    (audit,) = corpus.folder.glob("*.audit.jsonl")
    entries = [json.loads(line) for line in audit.read_text().splitlines()]
    assert [said[entry["start"] : entry["end"]] for entry in entries] == ["<姓名1>", "<电话1>"]
    assert corpus.manifest["deidentified"] == 2
    assert "张建国" not in audit.read_text()


def test_a_reason_that_quotes_quotes_is_hidden_whole(tmp_path):
    def refuse(record, id):
        raise DataError("context 'patient O'Brien, it isn't' is not allowed")

    source = replace(corpora.documents(tmp_path, "x", ["a"]), to_example=refuse)
    file = source.paths()[0]
    with pytest.raises(DataError) as raised:
        source.made(file, 1, {"text": "a"})
    assert "O'Brien" in source.reason(raised.value, {"text": "a"})
    private = replace(source, has_patient_data=True)
    assert private.reason(raised.value, {"text": "a"}) == "context '…' is not allowed"


def test_replies_that_cleaning_makes_the_same_are_no_pair(tmp_path):
    source = replace(
        corpora.pairs(tmp_path, "pairs", [("yes", "YES"), ("yes", "no")]), alter={"loud": loud}
    )
    corpus = corpus_of(source, tmp_path)
    assert [pair.chosen for pair in corpus] == ["YES"]
    assert corpus.manifest["left_out"] == {"pair": {"cleaning has made the replies the same": 1}}


def only_the_first(example):
    return example.id.endswith("/1") or (False, "not the first")


def test_a_part_ends_also_where_nothing_is_kept(tmp_path, small_parts):
    """Else all that was left out would be held in memory, and lost by a kill."""
    made = gathered(replace(many(tmp_path), keep={"few": only_the_first}), tmp_path / "work")
    assert made["examples"] == 1
    assert len(made["parts"]) > 1
