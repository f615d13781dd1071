"""What a Source does with good, bad and missing files."""

import json
import pickle
from functools import partial

import pyarrow
import pytest
from pyarrow import parquet

from medllm.config import annotation, signature
from medllm.data.source import instruction, text
from medllm.data.source.read import Quarantine, Source
from medllm.data.source.record import MissingColumn, MissingField
from medllm.errors import ConfigError, DataError
from medllm.types import Document, Turn

DOCUMENT = partial(text.document, text="text")
EXCHANGE = partial(instruction.question_answer, question=["q"], answer="a")


def source(files, format, to_example, *, encoding="utf-8", limit=None, patients=False, **more):
    return Source(
        files=str(files),
        format=format,
        encoding=encoding,
        to_example=to_example,
        limit=limit,
        has_patient_data=patients,
        **more,
    )


def read(made):
    quarantine = Quarantine()
    return list(made.examples(quarantine)), quarantine


def test_json_lines_are_numbered_as_in_an_editor(tmp_path):
    (tmp_path / "books.jsonl").write_text('{"text": "one"}\n\n{"text": "two"}\n')
    examples, _ = read(source(tmp_path / "books.jsonl", "jsonl", DOCUMENT))
    assert examples == [Document("books/1", "one"), Document("books/3", "two")]


def test_a_corrupt_line_is_quarantined_and_the_rest_is_read(tmp_path):
    file = tmp_path / "books.jsonl"
    file.write_text('{"text": "one"}\n{"text": "tw\n{"text": "three"}\n')
    examples, quarantine = read(source(file, "jsonl", DOCUMENT))
    assert [example.text for example in examples] == ["one", "three"]
    (rejected,) = quarantine.rejected
    assert (rejected.file, rejected.line) == (str(file), 2)
    assert rejected.reason.startswith("not JSON: ")
    assert rejected.excerpt == '{"text": "tw'


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"title": "no text"}, "no field 'text'"),
        ({"text": None}, "field 'text' is empty"),
        ({"text": {"body": "x"}}, "field 'text' is a dict, not text"),
        ([1, 2], "is a list, not an object"),
        ({"text": "\ud83d"}, "bytes that utf-8 does not allow; check `encoding`"),
        (None, "is a NoneType, not an object"),
    ],
)
def test_a_malformed_record_says_what_is_wrong(tmp_path, record, reason):
    file = tmp_path / "books.jsonl"
    file.write_text('{"text": "fine"}\n' + json.dumps(record))
    _, quarantine = read(source(file, "jsonl", DOCUMENT))
    assert [(r.line, r.reason) for r in quarantine.rejected] == [(2, reason)]


def test_one_bad_byte_costs_one_record(tmp_path):
    file = tmp_path / "books.jsonl"
    good = '{"text": "发热"}\n'.encode("gb18030")
    file.write_bytes(good + b'{"text": "\xff"}\n' + good)
    examples, quarantine = read(source(file, "jsonl", DOCUMENT, encoding="gb18030"))
    assert [example.text for example in examples] == ["发热", "发热"]
    assert quarantine.rejected[0].line == 2


def test_the_quarantine_is_written_one_record_a_line(tmp_path):
    quarantine = Quarantine()
    quarantine.add("a.csv", 7, "too short", "x\udcff")
    quarantine.write(tmp_path / "quarantine.jsonl")
    written = json.loads((tmp_path / "quarantine.jsonl").read_text())
    assert written == {"file": "a.csv", "line": 7, "reason": "too short", "excerpt": "x\udcff"}


def test_a_csv_row_is_numbered_by_its_first_line(tmp_path):
    file = tmp_path / "talk.csv"
    file.write_text('q,a\n"one\nand more",1\ntwo,2\n')
    examples, _ = read(source(file, "csv", EXCHANGE))
    assert [example.id for example in examples] == ["talk/2", "talk/4"]
    assert examples[0].turns == (Turn("user", "one\nand more"), Turn("assistant", "1"))


def test_csv_rows_that_do_not_fit_the_header_are_quarantined(tmp_path):
    file = tmp_path / "talk.csv"
    file.write_text('q,a\none,1,and\ntwo\n"three"x,3\nfour,4\n')
    examples, quarantine = read(source(file, "csv", EXCHANGE))
    assert [example.id for example in examples] == ["talk/5"]
    assert [(r.line, r.reason) for r in quarantine.rejected] == [
        (2, "3 fields, where the header has 2"),
        (3, "1 fields, where the header has 2"),
        (4, "not CSV: ',' expected after '\"'"),
    ]


def test_a_missing_csv_column_is_one_error(tmp_path):
    file = tmp_path / "talk.csv"
    file.write_text("q,reply\none,1\n")
    with pytest.raises(DataError, match=r"talk.csv has no column 'a'; its columns are 'q', 'rep"):
        read(source(file, "csv", EXCHANGE))


def test_a_json_list_is_read_whole(tmp_path):
    (tmp_path / "books.json").write_text('[{"text": "one"}, {"text": "two"}]')
    examples, _ = read(source(tmp_path / "books.json", "json", DOCUMENT))
    assert [example.id for example in examples] == ["books/1", "books/2"]


def test_a_pattern_reads_its_files_in_order(tmp_path):
    for name in ("b", "a"):
        (tmp_path / f"{name}.txt").write_text(f"book {name}")
    examples, _ = read(source(tmp_path / "*.txt", "text", DOCUMENT))
    assert examples == [Document("a/1", "book a"), Document("b/1", "book b")]


def test_the_limit_counts_records(tmp_path):
    (tmp_path / "books.jsonl").write_text('{"text": "one"}\nbroken\n{"text": "three"}\n')
    examples, quarantine = read(source(tmp_path / "books.jsonl", "jsonl", DOCUMENT, limit=2))
    assert (len(examples), len(quarantine)) == (1, 1)


def test_no_file_names_the_key(tmp_path):
    with pytest.raises(DataError, match=r"no file at '.*nowhere.*'; change the source's `files`"):
        read(source(tmp_path / "nowhere*.csv", "csv", EXCHANGE))


def test_a_source_without_examples_counts_and_shows_the_first_reason(tmp_path):
    (tmp_path / "books.jsonl").write_text('nonsense\n{"title": "x"}\n')
    with pytest.raises(DataError, match=r"2 records read, 2 malformed; the first, .*:1: not JSON"):
        read(source(tmp_path / "books.jsonl", "jsonl", DOCUMENT))


def test_an_empty_file_is_an_error(tmp_path):
    (tmp_path / "talk.csv").write_text("")
    with pytest.raises(DataError, match="0 records read, 0 malformed"):
        read(source(tmp_path / "talk.csv", "csv", EXCHANGE))


def test_files_of_one_name_in_several_folders_give_different_ids(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "test.jsonl").write_text('{"text": "one"}\n')
    examples, _ = read(source(tmp_path / "*/test.jsonl", "jsonl", DOCUMENT))
    assert [example.id for example in examples] == ["a/test/1", "b/test/1"]


def test_records_with_the_same_id_of_their_own_are_told_apart(tmp_path):
    (tmp_path / "books.jsonl").write_text('{"id": "7", "text": "one"}\n' * 2)
    examples, _ = read(source(tmp_path / "books.jsonl", "jsonl", DOCUMENT))
    assert [example.id for example in examples] == ["books/1", "books/2"]


def halves(record, id):
    """One document of each word."""
    return [Document(id, word) for word in record["text"].split()]


def test_the_examples_of_one_record_are_numbered(tmp_path):
    (tmp_path / "books.jsonl").write_text('{"text": "one two"}\n{"text": "three"}\n')
    examples, _ = read(source(tmp_path / "books.jsonl", "jsonl", halves))
    assert examples == [
        Document("books/1/1", "one"),
        Document("books/1/2", "two"),
        Document("books/2", "three"),
    ]


def test_a_record_that_gives_no_example_is_quarantined(tmp_path):
    (tmp_path / "books.jsonl").write_text('{"text": "one"}\n{"text": " "}\n')
    _, quarantine = read(source(tmp_path / "books.jsonl", "jsonl", halves))
    assert [(r.line, r.reason) for r in quarantine.rejected] == [(2, "gives no example")]


def test_the_limit_counts_records_and_not_their_examples(tmp_path):
    (tmp_path / "books.jsonl").write_text('{"text": "one two"}\n' * 3)
    examples, _ = read(source(tmp_path / "books.jsonl", "jsonl", halves, limit=2))
    assert len(examples) == 4


def test_what_patients_said_is_not_kept(tmp_path):
    (tmp_path / "talk.jsonl").write_text('{"q": "my heart"}\n{"q": "ny\n{"q": "1", "a": "2"}\n')
    made = source(tmp_path / "talk.jsonl", "jsonl", EXCHANGE, patients=True)
    _, quarantine = read(made)
    assert [(r.line, r.reason, r.excerpt) for r in quarantine.rejected] == [
        (1, "no field 'a'", ""),
        (2, "not JSON: Invalid control character at at column 10", ""),
    ]


def test_a_missing_column_crosses_from_a_worker_as_it_is(tmp_path):
    (tmp_path / "talk.csv").write_text("q,reply\none,1\n")
    made = source(tmp_path / "talk.csv", "csv", EXCHANGE)
    (file,) = made.paths()
    ((line, record),) = made.records(file)
    with pytest.raises(MissingColumn) as caught:
        made.made(file, line, record)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_what_a_row_of_parquet_lacks_others_may_have(tmp_path):
    rows = [{"talk": {"q": "one", "a": "1"}}, {"talk": None}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "talk.parquet")
    exchange = partial(instruction.question_answer, question=["talk.q"], answer="talk.a")
    examples, quarantine = read(source(tmp_path / "talk.parquet", "parquet", exchange))
    assert [example.id for example in examples] == ["talk/1"]
    assert [(r.line, r.reason) for r in quarantine.rejected] == [(2, "no field 'talk.q'")]


def test_a_missing_field_crosses_from_a_worker_as_it_is():
    sent = pickle.loads(pickle.dumps(MissingField("text")))
    assert (sent.name, str(sent)) == ("text", "no field 'text'")


@pytest.mark.parametrize(
    ("key", "value", "complaints"),
    [
        ("keep", {"length": {"_target_": "medllm.x.y", "_partial_": True}}, {}),
        ("keep", {"length": 3}, {("length",): "a node with a _target_"}),
        ("alter", {}, {}),
        ("deidentify", {"_target_": "medllm.data.deidentify.X"}, {}),
        ("deidentify", None, {}),
        ("at", None, {}),
        ("columns", ["a", "b"], {}),
        ("longest", 1000, {}),
        ("format", "xml", {}),
        ("format", "xls", {(): "one of 'jsonl', 'json', 'csv', 'tsv', 'lines', 'text', 'xlsx', "
                               "'parquet', 'xml' or 'obo'"}),
    ],
)  # fmt: skip
def test_a_config_is_checked_against_the_fields_of_a_source(key, value, complaints):
    parameter = signature.read("medllm.data.source.read.Source").parameters[key]
    assert annotation.complaints(value, parameter.type) == complaints


def test_what_a_source_does_without_may_be_left_out():
    fields = signature.read("medllm.data.source.read.Source").parameters
    assert [name for name, field in fields.items() if field.is_required] == [
        "files", "format", "encoding", "to_example", "limit", "has_patient_data",
    ]  # fmt: skip


def test_an_unknown_encoding_is_refused(tmp_path):
    (tmp_path / "talk.csv").write_text("q,a\n1,2\n")
    with pytest.raises(
        ConfigError, match="encoding='gbk18030' is unknown; use auto, utf-8, gb18030"
    ):
        read(source(tmp_path / "talk.csv", "csv", EXCHANGE, encoding="gbk18030"))
