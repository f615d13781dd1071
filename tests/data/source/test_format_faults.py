"""Damaged files of every format: what is kept, and what is said about the rest."""

import gzip
import random
import subprocess
import sys
import zipfile
import zlib

import openpyxl
import pyarrow
import pytest
import zstandard
from pyarrow import parquet

from medllm.data.source.format.encoding import detect
from medllm.data.source.record import Malformed
from medllm.errors import DataError
from tests.conftest import REPO
from tests.data.source.test_formats import records, squeezed, written

__all__ = ["written"]  # a fixture

# Content in two pieces, the line where the second begins, and what is in the first.
PIECES = {
    "jsonl": ('{"a": 1}\n{"a": 2}\n', '{"a": 3}\n', 3, [1, 2]),
    "json": ('[{"a": 1}, {"a": 2}, ', '{"a": 3}]', 3, [1, 2]),
    "csv": ('q,a\n"one\n",1\ntwo,2\n', "three,3\n", 5, [2, 4]),
    "lines": ("one\n\ntwo\n", "three\n", 4, [1, 3]),
    "xml": ("<x><a>1</a><a>2</a>", "<a>3</a></x>", 3, [1, 2]),
    "obo": ("[Term]\nid: 1\n\n[Term]\n", "id: 2\n", 5, [1]),
    "text": ("one\n", "two\n", 1, []),
}


def cut_short(suffix, first, second):
    """All of `first`, and the beginning of `second`, as far as it says nothing yet."""
    if suffix == ".gz":
        press = zlib.compressobj(wbits=31)
        whole = press.compress(first) + press.flush(zlib.Z_FULL_FLUSH)
    else:
        press = zstandard.ZstdCompressor().compressobj()
        whole = press.compress(first) + press.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    return whole + (press.compress(second) + press.flush())[:3]


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
@pytest.mark.parametrize("format", PIECES)
def test_what_stands_before_the_break_of_a_compressed_file_is_kept(format, suffix, written):
    first, second, line, kept = PIECES[format]
    file = written(f"a{suffix}", cut_short(suffix, first.encode(), second.encode()))
    found = records(file, format, at="a" if format == "xml" else None)
    reason = f"the {suffix} file breaks off, and the rest is not read"
    assert [number for number, _ in found] == [*kept, line]
    assert found[-1] == (line, Malformed(reason, ""))
    assert all(isinstance(record, dict) for _, record in found[:-1])


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
@pytest.mark.parametrize("format", ["xlsx", "parquet"])
def test_a_table_that_breaks_off_has_no_rows(format, suffix, written):
    file = written(f"a{suffix}", cut_short(suffix, b"PAR1", b"..."))
    reason = f"the {suffix} file breaks off, and the rest is not read"
    assert records(file, format) == [(1, Malformed(reason, ""))]


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_file_that_is_not_compressed_as_its_name_says(suffix, written):
    ((line, malformed),) = records(written(f"a{suffix}", '{"a": 1}\n'), "jsonl", encoding="auto")
    assert line == 1
    assert malformed.reason.startswith(f"not {suffix}, or damaged: ")
    assert malformed.reason.endswith(", and the rest is not read")


def test_a_damaged_gzip_is_read_up_to_a_few_lines_before_the_damage(written):
    """Random digits pack to about half their size, and 256 bytes of that are lost at most."""
    lines = [f"{random.Random(i).random()}\n" for i in range(2000)]
    whole = gzip.compress("".join(lines).encode(), mtime=0)
    found = records(written("a.gz", whole[:-8] + b"\0" * 8), "lines")
    assert found[:1970] == [(i + 1, {"text": lines[i].strip()}) for i in range(1970)]
    assert [line for line, _ in found] == [*range(1, len(found) + 1)]
    assert found[-1][1].reason.startswith("not .gz, or damaged: ")


MIXED = {
    "jsonl": ('{"a": "发热"}\n', '{"a": "咳嗽"}\n', '{"a": "头痛"}\n'),
    "json": ('[{"a": "发热"},', '{"a": "咳嗽"},', '{"a": "头痛"}]'),
    "csv": ("a\n发热\n", "咳嗽\n", "头痛\n"),
    "lines": ("发热\n", "咳嗽\n", "头痛\n"),
    "xml": ("<x><a>发热</a>", "<a>咳嗽</a>", "<a>头痛</a></x>"),
    "obo": ("[Term]\nname: 发热\n", "[Term]\nname: 咳嗽\n", "[Term]\nname: 头痛\n"),
}


@pytest.mark.parametrize("encoding", ["utf-8", "auto"])
@pytest.mark.parametrize("format", MIXED)
def test_a_record_in_another_encoding_costs_itself_only(format, encoding, written):
    one, other, two = MIXED[format]
    file = written("a", one.encode() + other.encode("gb18030") + two.encode())
    found = records(file, format, encoding=encoding, at="a" if format == "xml" else None)
    first, (_, malformed), last = found
    assert malformed.reason == "bytes that utf-8 does not allow; check `encoding`"
    assert "发热" in str(first)
    assert "头痛" in str(last)


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        ("plain words", "ascii", "utf-8"),
        ("患者发热咳嗽，医生给患者开药。", "utf-8", "utf-8"),
        ("患者发热咳嗽，医生给患者开药。", "utf-8-sig", "utf-8"),
        ("患者发热咳嗽，医生给患者开药。", "utf-16", "utf-16"),
        ("患者发热咳嗽，医生给患者开药。", "utf-32", "utf-32"),
        ("患者发热咳嗽，医生给患者开药。", "gb18030", "gb18030"),
        ("患者發熱咳嗽，醫生給患者開藥。患者的症狀是發熱和頭痛。", "big5", "big5hkscs"),
        ("Le patient présente une fièvre élevée et une toux sèche.", "cp1252", "cp1252"),
        ('<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>', "latin-1", "iso-8859-1"),
        ('<?xml version="1.0" encoding="klingon"?><a>é</a>', "utf-8", "utf-8"),
    ],
)
def test_an_encoding_is_found(text, encoding, found, written):
    assert detect(written("a.txt", (text + "\n").encode(encoding))) == found


def test_a_guess_is_said(written, caplog):
    caplog.set_level("INFO")
    file = written("a.txt", "患者发热咳嗽，医生给患者开药。\n".encode("gb18030"))
    found = records(file, "lines", encoding="auto")
    assert found == [(1, {"text": "患者发热咳嗽，医生给患者开药。"})]
    assert caplog.messages == [
        f"{file} is read as gb18030, as it seems to be; `encoding` can say otherwise"
    ]


def test_what_is_not_ascii_may_come_late(written):
    """3 MiB of English, then Chinese."""
    content = b"plain words\n" * (3 << 18) + "患者发热咳嗽，医生给患者开药。\n".encode("gb18030")
    assert detect(written("a.txt", content)) == "gb18030"


@pytest.mark.parametrize(
    ("format", "content", "line"),
    [
        ("jsonl", '{"a": 1}\n{"a": "' + "x" * 200 + '"}\n{"a": 2}\n', 2),
        ("lines", "one\n" + "x" * 99 + "x" * 99 + "\ntwo\n", 2),
        ("csv", "a\none\n" + "x" * 100 + "\ntwo\n", 3),
        ("tsv", "a\none\n" + "x" * 1000 + "\ntwo", 3),
    ],
)
def test_a_line_too_long_is_passed_over(format, content, line, written):
    first, malformed, last = records(written("a", content), format, longest=100)
    assert malformed == (
        line,
        Malformed("longer than `longest`=100 characters", content.split("\n")[line - 1][:100]),
    )
    assert isinstance(first[1], dict)
    assert isinstance(last[1], dict)


def test_a_line_of_just_the_longest_length_is_read(written):
    """99 characters and the end of the line."""
    assert len(records(written("a", "x" * 99 + "\n" + "y" * 99), "lines", longest=100)) == 2


def test_a_text_too_long_is_not_read(written):
    assert records(written("a.txt", "x" * 300), "text", longest=300) == [
        (1, Malformed("longer than `longest`=300 characters", "x" * 200))
    ]


BIG = """
import sys
from pathlib import Path
from medllm.data.source.formats import records

def peak():  # of this program; what getrusage tells begins with that of its parent
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024

before = peak()
for line, record in records(Path(sys.argv[1]), format="jsonl", encoding="auto", at=None,
                            columns=None, longest=2**20):
    print(line, record if isinstance(record, dict) else record.reason)
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_a_line_of_200_mb_takes_no_200_mb(suffix, written):
    """The most is zstd's: 8 MiB of content at once, put together from its blocks."""
    content = b'{"a": 1}\n{"a": "' + b"x" * 200_000_000 + b'"}\n{"a": 3}\n'
    file = written(f"a.jsonl{suffix}", squeezed(suffix, content) if suffix else content)
    told = subprocess.check_output([sys.executable, "-c", BIG, file], text=True, cwd=REPO)
    *found, megabytes = told.splitlines()
    assert found == ["1 {'a': 1}", "2 longer than `longest`=1048576 characters", "3 {'a': 3}"]
    assert int(megabytes) < 40


@pytest.mark.parametrize(
    ("content", "kept", "rejected"),
    [
        # The quote of row 3 is never closed, and no other follows.
        ('q,a\none,1\n"two,2\nthree,3\n\nfour,4\n', [2, 4, 6],
         [(3, "not CSV: unexpected end of data")]),
        # It meets the quote that opens row 4.
        ('q,a\none,1\n"two,2\n"three",3\nfour,4\n', [2, 4, 5],
         [(3, "not CSV: ',' expected after '\"'")]),
        # It meets the quote that opens a field within row 4.
        ('q,a\none,1\n"two,2\nthree,"3"\nfour,4\n', [2, 4, 5],
         [(3, "not CSV: ',' expected after '\"'")]),
        # It is closed two lines later, and something follows that should not.
        ('q,a\none,1\n"two\ntoo\nand" x,2\nfour,4\n', [2, 6],
         [(3, "not CSV: ',' expected after '\"'; lines 3 to 5")]),
        # Two that are never closed.
        ('q,a\n"one,1\n"two,2\nthree,3\n', [4],
         [(2, "not CSV: ',' expected after '\"'"), (3, "not CSV: unexpected end of data")]),
        # The file is cut within a field of three lines.
        ('q,a\none,1\n"two\nand, more\nand, m', [2],
         [(3, "not CSV: unexpected end of data; lines 3 to 5")]),
        # What it swallows are no rows.
        ('q,a\none,1\n"two\nand more\n', [2],
         [(3, "not CSV: unexpected end of data; lines 3 to 4")]),
    ],
)  # fmt: skip
def test_a_quote_that_is_not_closed_costs_its_own_row(content, kept, rejected, written):
    found = records(written("a.csv", content), "csv")
    assert [line for line, record in found if isinstance(record, dict)] == kept
    assert [(line, r.reason) for line, r in found if isinstance(r, Malformed)] == rejected


def test_a_quote_that_is_not_closed_swallows_no_more_than_the_longest_row(written):
    """Of 2,000 rows the second opens a quote."""
    rows = ["q,a", '"one,1', *[f"{i},x" for i in range(2000)]]
    found = records(written("a.csv", "\n".join(rows)), "csv", longest=100)
    assert found[0][1].reason == "not CSV: unexpected end of data"
    assert [line for line, record in found if isinstance(record, dict)] == [*range(3, 2003)]


def test_a_row_that_a_break_cuts_is_told_by_its_first_line(written):
    file = written("a.csv.gz", cut_short(".gz", b'q,a\none,1\n"two\nand more\n', b"and 3"))
    assert records(file, "csv") == [
        (2, {"q": "one", "a": "1"}),
        (3, Malformed("the .gz file breaks off, and the rest is not read", "")),
    ]


def test_an_overlong_line_within_an_open_quote_is_told_on_its_own(written):
    file = written("a.csv", 'q,a\n"one,1\n' + "x" * 300 + "\ntwo,2\n")
    found = records(file, "csv", longest=100)
    assert [line for line, _ in found] == [2, 3, 4]
    assert found[1][1].reason == "longer than `longest`=100 characters"
    assert found[2][1] == {"q": "two", "a": "2"}


def test_a_header_that_is_not_csv_is_refused(written):
    with pytest.raises(DataError, match=r"a.csv has no header that can be read: not CSV: ',' exp"):
        records(written("a.csv", '"q"x,a\none,1\n'), "csv")
    with pytest.raises(DataError, match=r"a.csv has no header that can be read: longer than"):
        records(written("a.csv", "x" * 99 + "\none\n"), "csv", longest=9)


@pytest.mark.parametrize(
    ("content", "kept", "error"),
    [
        ('[{"a": 1}, {"a": 2}, {"a": ]', 2,
         "parse error: unallowed token at this point in JSON text"),
        ('[{"a": 1}, {"a": 2}', 2, "parse error: premature EOF"),
        ("", 0, "parse error: premature EOF"),
        ('[{"a": 1}]\n[{"a": 2}]', 1,
         "parse error: trailing garbage; is it one object per line? then set format: jsonl"),
        ("nonsense", 0, "lexical error: invalid string in json text."),
    ],
)  # fmt: skip
def test_json_that_breaks_says_where_and_keeps_what_came_before(content, kept, error, written):
    found = records(written("a.json", content), "json")
    reason = f"not JSON after record {kept}, and the rest is not read: {error}"
    assert [line for line, record in found if isinstance(record, dict)] == [*range(1, kept + 1)]
    assert found[kept:] == [(kept + 1, Malformed(reason, ""))]


NO_LIST = (
    "is one value, not a list of records; is the list further in? then name its key in the "
    "source's `at`; is it one object per line? then set format: jsonl"
)


@pytest.mark.parametrize(
    ("content", "at", "reason"),
    [
        ('{"text": "one"}', None, NO_LIST),
        ('{"text": "one"}\n{"text": "two"}', None, NO_LIST),
        ('"one"', None, NO_LIST),
        ('{"data": 1}', "data", NO_LIST),
        ('{"data": []}', "dta", "has nothing at 'dta'; change the source's `at`"),
    ],
)
def test_a_json_file_of_another_shape_says_so(content, at, reason, written):
    assert records(written("a.json", content), "json", at=at) == [(1, Malformed(reason, ""))]


@pytest.mark.parametrize(
    ("value", "kind"), [("null", "NoneType"), ("3", "int"), ("true", "bool"), ("0.5", "float")]
)
def test_an_element_that_is_no_record_costs_itself_only(value, kind, written):
    assert records(written("a.json", f'[{{"a": 1}}, {value}, {{"a": null}}]'), "json") == [
        (1, {"a": 1}),
        (2, Malformed(f"is a {kind}, not an object", value)),
        (3, {"a": None}),
    ]


def test_json_nested_without_end_is_malformed(written):
    file = written("a.jsonl", "[" * 9_000 + "\n" + '{"a": ' * 9_000 + '\n{"a": 1}\n')
    one, two, (_, three) = records(file, "jsonl")
    for _, malformed in (one, two):
        assert malformed.reason.startswith("not JSON that can be read: maximum recursion depth")
    assert three == {"a": 1}
    ((_, deep),) = records(written("a.json", "[" * 2_000 + "]" * 2_000), "json")
    assert deep.reason == "is nested too deeply"


@pytest.mark.parametrize("format", ["jsonl", "csv", "tsv", "lines", "obo"])
def test_an_empty_file_has_no_records(format, written):
    assert records(written("a", ""), format, encoding="auto") == []


@pytest.mark.parametrize(
    ("format", "reason"),
    [
        ("xml", "not XML after record 0, and the rest is not read: no element found"),
        ("xlsx", "not XLSX after row 0, and the rest is not read: File is not a zip file"),
        ("parquet", "not Parquet: Parquet file size is 0 bytes"),
    ],
)
def test_an_empty_file_is_none_of_these(format, reason, written):
    ((line, malformed),) = records(written("a", ""), format, encoding="auto")
    assert line == 1
    assert malformed.reason.startswith(reason)


def test_broken_xml_keeps_the_elements_before(written):
    file = written("a.xml", "<x><a>1</a>\n<a>2</a>\n<a>3</b></x>")
    (_, one), (_, two), broken = records(file, "xml", at="a")
    assert (one["xml"], two["xml"]) == ("<a>1</a>", "<a>2</a>")
    assert broken == (3, Malformed(
        "not XML after record 2, and the rest is not read: Opening and ending tag mismatch: a "
        "line 3 and b, line 3, column 9", "",
    ))  # fmt: skip


def test_xml_reads_no_other_file(written, tmp_path):
    secret = written("secret", "secret")
    file = written("a.xml", f'<!DOCTYPE a [<!ENTITY s SYSTEM "{secret}">]><a>&s;</a>')
    assert "secret</a>" not in str(records(file, "xml"))


@pytest.mark.parametrize(
    ("format", "said"), [("xlsx", "not XLSX after row 0, and the"), ("parquet", "not Parquet: ")]
)
def test_a_file_of_another_kind_says_so(format, said, written):
    ((line, malformed),) = records(written("a", "q,a\none,1\n" * 10), format)
    assert line == 1
    assert malformed.reason.startswith(said)


def test_a_damaged_sheet_keeps_the_rows_before(tmp_path):
    """The XML of the sheet ends after its second row."""
    book = openpyxl.Workbook()
    for row in ["q", "one", "two", "three"]:
        book.active.append([row])
    book.save(tmp_path / "a.xlsx")
    with (
        zipfile.ZipFile(tmp_path / "a.xlsx") as whole,
        zipfile.ZipFile(tmp_path / "b.xlsx", "w") as cut,
    ):
        for member in whole.namelist():
            content = whole.read(member)
            if member.endswith("sheet1.xml"):
                content = content[: content.index(b'<row r="3"')]
            cut.writestr(member, content)
    (_, one), (line, broken) = records(tmp_path / "b.xlsx", "xlsx")
    assert (one, line) == ({"q": "one"}, 3)
    assert broken.reason.startswith("not XLSX after row 2, and the rest is not read: ")


def test_a_damaged_group_of_parquet_costs_itself_only(tmp_path):
    """Three groups of 300, 300 and 100 rows; the second is overwritten."""
    table = pyarrow.table({"a": [f"row {i}" for i in range(700)]})
    parquet.write_table(table, tmp_path / "a", row_group_size=300, compression="gzip")
    content = bytearray((tmp_path / "a").read_bytes())
    second = parquet.ParquetFile(tmp_path / "a").metadata.row_group(1).column(0)
    content[second.dictionary_page_offset : second.data_page_offset] = b"\xff" * (
        second.data_page_offset - second.dictionary_page_offset
    )
    (tmp_path / "b").write_bytes(content)
    found = records(tmp_path / "b", "parquet")
    good = [line for line, record in found if isinstance(record, dict)]
    ((line, broken),) = [entry for entry in found if isinstance(entry[1], Malformed)]
    assert good == [*range(1, 301), *range(601, 701)]
    assert line == 301
    assert broken.reason.startswith("rows 301 to 600 are damaged: ")


def test_a_row_of_parquet_that_is_not_utf8_costs_itself_only(tmp_path):
    raw = pyarrow.array([b"one", b"\xb7\xa2", b"three"])
    table = pyarrow.table({"a": pyarrow.Array.from_buffers(pyarrow.string(), 3, raw.buffers())})
    parquet.write_table(table, tmp_path / "a")
    assert records(tmp_path / "a", "parquet") == [
        (1, {"a": "one"}),
        (2, Malformed("not UTF-8: invalid start byte", "")),
        (3, {"a": "three"}),
    ]
