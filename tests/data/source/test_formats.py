"""Good files of every format into records."""

import csv
import gzip
import json
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import openpyxl
import pyarrow
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from medllm.data.source import formats
from medllm.data.source.record import Malformed
from medllm.errors import DataError


def records(file, format, *, encoding="utf-8", at=None, columns=None, longest=2**25):
    return list(
        formats.records(
            file, format=format, encoding=encoding, at=at, columns=columns, longest=longest
        )
    )


@pytest.fixture
def written(tmp_path):
    """A file of that name and content."""

    def write(name, content):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path / name

    return write


def squeezed(suffix, content):
    return {".gz": gzip.compress, ".zst": zstandard.compress}[suffix](content)


ARTICLES = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE set SYSTEM "http://nowhere.invalid/set.dtd">
<set><article id="1"><p>one &lt; two</p></article>
<article><p>tw<i>o</i></p></article> tail </set>
"""
TERMS = """format-version: 1.2

[Term]
id: DOID:1
name: flu
def: "An infection." [url:x]
synonym: "grippe" EXACT []
synonym: "influenza" EXACT []
is_a: DOID:2 ! infection

[Typedef]
id: part_of

! a comment
[Term]
id: DOID:2
name: infection
"""
EXAMPLES = {
    "a.jsonl": (
        "jsonl", {}, '{"a": 1}\r\n\n{"a":\r2}\n',
        [(1, {"a": 1}), (3, {"a": 2})],
    ),
    "a.json": (
        "json", {}, '[{"a": 1.5}, {"b": [null, true]}]',
        [(1, {"a": 1.5}), (2, {"b": [None, True]})],
    ),
    "texts.json": ("json", {}, '["one", "two"]', [(1, {"text": "one"}), (2, {"text": "two"})]),
    "keyed.json": (
        "json", {}, '{"123": {"q": 1}, "456": {"q": 2}}',
        [(1, {"q": 1, "key": "123"}), (2, {"q": 2, "key": "456"})],
    ),
    "inside.json": (
        "json", {"at": "data"}, '{"version": "1", "data": [{"a": 1}, {"a": 2}]}',
        [(1, {"a": 1}), (2, {"a": 2})],
    ),
    "deep.json": (
        "json", {"at": "data.item.ps"},
        '{"data": [{"t": "x", "ps": [{"a": 1}]}, {"ps": [{"a": 2}]}]}',
        [(1, {"a": 1}), (2, {"a": 2})],
    ),
    "keyed_inside.json": (
        "json", {"at": "data"}, '{"data": {"k": {"a": 1}}}', [(1, {"a": 1, "key": "k"})],
    ),
    "numbers.json": (
        "json", {}, '[{"a": [12345678901234567890123, -0.5, 1e3]}]',
        [(1, {"a": [12345678901234567890123, -0.5, 1000.0]})],
    ),
    "nothing.json": ("json", {}, "[]", []),
    "no_keys.json": ("json", {}, "{}", []),
    "a.csv": (
        "csv", {}, 'q,a\r\n"one\r\n""two"", three",1\r\n\r\nfour,\r\n',
        [(2, {"q": 'one\r\n"two", three', "a": "1"}), (5, {"q": "four", "a": ""})],
    ),
    "headless.csv": ("csv", {"columns": ["q", "a"]}, "one,1\n", [(1, {"q": "one", "a": "1"})]),
    "a.tsv": ("tsv", {}, 'q\ta\none, "1"\t2\n', [(2, {"q": 'one, "1"', "a": "2"})]),
    "a.spo": (
        "tsv", {"columns": ["s", "p", "o"]}, "感冒\t症状\t发热\n",
        [(1, {"s": "感冒", "p": "症状", "o": "发热"})],
    ),
    "lines.txt": ("lines", {}, " one\r\n\ntwo", [(1, {"text": " one"}), (3, {"text": "two"})]),
    "whole.txt": ("text", {}, "one\n\ntwo\n", [(1, {"text": "one\n\ntwo\n", "name": "whole"})]),
    "a.xml": (
        "xml", {"at": "article"}, ARTICLES,
        [
            (1, {"xml": '<article id="1"><p>one &lt; two</p></article>', "name": "a"}),
            (2, {"xml": "<article><p>tw<i>o</i></p></article>", "name": "a"}),
        ],
    ),
    "root.xml": (
        "xml", {}, "<!-- x --><a> <b/> </a>",
        [(1, {"xml": "<a> <b/> </a>", "name": "root"})],
    ),
    "nested.xml": (
        "xml", {"at": "sec"}, "<a><sec>1<sec>2</sec></sec><sec/></a>",
        [
            (1, {"xml": "<sec>1<sec>2</sec></sec>", "name": "nested"}),
            (2, {"xml": "<sec/>", "name": "nested"}),
        ],
    ),
    "space.xml": (
        "xml", {"at": "b"}, '<a xmlns="urn:x"><b/></a>',
        [(1, {"xml": '<b xmlns="urn:x"/>', "name": "space"})],
    ),
    "a.obo": (
        "obo", {}, TERMS,
        [
            (3, {
                "id": "DOID:1", "name": "flu", "def": '"An infection." [url:x]',
                "synonym": ['"grippe" EXACT []', '"influenza" EXACT []'],
                "is_a": ["DOID:2 ! infection"],
            }),
            (15, {"id": "DOID:2", "name": "infection"}),
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_file_becomes_its_records(name, suffix, written):
    format, more, content, expected = EXAMPLES[name]
    content = content.encode()
    file = written(name + suffix, squeezed(suffix, content) if suffix else content)
    assert records(file, format, **more) == expected


@pytest.mark.parametrize("format", ["jsonl", "csv", "lines", "text", "json", "xml", "obo"])
def test_a_byte_order_mark_is_no_text(format, written):
    content = {"jsonl": '{"a": 1}', "csv": "a\n1", "json": '[{"a": 1}]', "xml": "<a/>"}
    content = content.get(format, "[Term]\nid: 1")
    expected = records(written("a", content), format)
    assert records(written("a", b"\xef\xbb\xbf" + content.encode()), format) == expected


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_a_sheet_becomes_rows_of_text(suffix, tmp_path, written):
    """The header stands in row 2, row 4 is empty."""
    book = openpyxl.Workbook()
    for row in [[], ["q", "n", "when"], ["one", 2, date(2024, 5, 1)], [], ["a_x000D_\nb", 0.5]]:
        book.active.append(row)
    book.create_sheet("other").append(["x"])
    book.save(tmp_path / "a.xlsx")
    content = (tmp_path / "a.xlsx").read_bytes()
    file = written("b.xlsx" + suffix, squeezed(suffix, content) if suffix else content)
    assert records(file, "xlsx") == [
        (3, {"q": "one", "n": "2", "when": "2024-05-01 00:00:00"}),
        (5, {"q": "a\r\nb", "n": "0.5", "when": ""}),
    ]


def test_a_sheet_without_a_header_is_given_one(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["one", "two"])
    book.active.append(["three", "four", "five"])
    book.save(tmp_path / "a.xlsx")
    assert records(tmp_path / "a.xlsx", "xlsx", columns=["a", "b"]) == [
        (1, {"a": "one", "b": "two"}),
        (2, Malformed("3 fields, where the header has 2", "three,four,five")),
    ]


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_a_parquet_file_becomes_rows_over_all_its_groups(suffix, tmp_path, written):
    rows = [
        {"q": "发热", "options": ["a", "b"]},
        {"q": None, "options": []},
        {"q": "x", "options": None},
    ]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a", row_group_size=1)
    content = (tmp_path / "a").read_bytes()
    file = written("b.parquet" + suffix, squeezed(suffix, content) if suffix else content)
    assert records(file, "parquet") == list(enumerate(rows, start=1))


def test_frames_and_members_laid_end_to_end_are_one_file(written):
    for suffix in (".gz", ".zst"):
        halves = squeezed(suffix, b"one\ntw") + squeezed(suffix, b"o\nthree\n")
        found = records(written("a.txt" + suffix, halves), "lines")
        assert [record["text"] for _, record in found] == ["one", "two", "three"]


def test_a_column_named_twice_is_refused(written):
    file = written("a.csv", "q,a,q\n1,2,3\n")
    with pytest.raises(DataError, match=r"a.csv has column 'q' twice; give its `columns` other"):
        records(file, "csv")


def test_columns_without_a_name_may_be_several(written):
    assert records(written("a.csv", ",,q\n1,2,3\n"), "csv") == [(2, {"": "2", "q": "3"})]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.text(st.characters(codec="utf-8")), min_size=2, max_size=2)))
def test_what_a_csv_writer_wrote_is_read_back(rows):
    with TemporaryDirectory() as folder:
        file = Path(folder) / "a.csv"
        with open(file, "w", newline="", encoding="utf-8") as content:
            csv.writer(content).writerows([["q", "a"], *rows])
        found = [list(record.values()) for _, record in records(file, "csv")]
        assert found == rows


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.text(st.sampled_from('\\u"dD8 ,\ud83d\ude00x发')), min_size=1),
    st.integers(65_400, 65_540),
    st.booleans(),
)
def test_escapes_are_read_as_json_reads_them_wherever_a_buffer_ends(texts, spaces, is_ascii):
    """Buffers hold 65,536 bytes; what holds half a pair of surrogates is malformed."""
    content = "[" + " " * spaces + json.dumps(texts)[1:]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "a.json"
        if not is_ascii and not any("\ud800" <= c <= "\udfff" for c in "".join(texts)):
            content = "[" + " " * spaces + json.dumps(texts, ensure_ascii=False)[1:]
        file.write_text(content, encoding="utf-8")
        for text, (_, record) in zip(json.loads(content), records(file, "json"), strict=True):
            if any("\ud800" <= character <= "\udfff" for character in text):
                assert record.reason == "bytes that utf-8 does not allow; check `encoding`"
            else:
                assert record == {"text": text}


def test_texts_between_separators_are_numbered_by_their_first_line(written):
    file = written("a.txt", "one,\r\ntwo\r\n\r\n\r\nthree\n\n\n\n\n\nfour")
    assert [(line, record["text"]) for line, record in records(file, "text", at="\n\n\n")] == [
        (1, "one,\ntwo"),
        (5, "three"),
        (11, "four\n"),
    ]


def test_a_list_within_a_json_list_is_turns(written):
    """HuatuoGPT-II's training file: source to [[question, answer, ...], ...]."""
    file = written("a.json", '{"web": [["q", "a"], ["why?", "so", "and?", "no"]]}')
    assert records(file, "json", at="web") == [
        (1, {"turns": ["q", "a"]}),
        (2, {"turns": ["why?", "so", "and?", "no"]}),
    ]
