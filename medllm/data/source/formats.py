"""Four file formats into records: (line, record), or what stands there instead.

Lines count from 1. Bytes that the encoding does not allow pass as lone surrogates, so that
one bad byte costs one record; `medllm.data.source.read` finds and rejects them.
"""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from medllm.data.source.record import Record


class Malformed(NamedTuple):
    """What stands in a file where a record should."""

    reason: str
    raw: str


Records = Iterator[tuple[int, Record | Malformed]]


def _json_lines(file: Path, encoding: str) -> Records:
    # newline="\n": a lone \r inside a record is text, not the end of a line.
    with open(file, encoding=encoding, errors="surrogateescape", newline="\n") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                yield number, json.loads(line)
            except json.JSONDecodeError as error:
                yield number, Malformed(f"not JSON: {error.msg} at column {error.colno}", line)


def _json_list(file: Path, encoding: str) -> Records:
    content = file.read_text(encoding, errors="surrogateescape")
    try:
        records = json.loads(content)
    except json.JSONDecodeError as error:
        hint = "; is it one object per line? then set format: jsonl" * (error.msg == "Extra data")
        yield error.lineno, Malformed(f"not JSON: {error.msg}{hint}", content)
        return
    if not isinstance(records, list):
        yield 1, Malformed(f"is one {type(records).__name__}, not a list of records", content)
        return
    yield from enumerate(records, start=1)


def _csv_rows(file: Path, encoding: str) -> Records:
    with open(file, encoding=encoding, errors="surrogateescape", newline="") as lines:
        # strict: a stray quote is an error of one row, not a field that swallows the file.
        rows = csv.reader(lines, strict=True)
        header: list[str] = []
        while True:
            number = rows.line_num + 1
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield number, Malformed(f"not CSV: {error}", "")
                continue
            if not header:
                header = row
            elif row and len(row) != len(header):
                reason = f"{len(row)} fields, where the header has {len(header)}"
                yield number, Malformed(reason, ",".join(row))
            elif row:
                yield number, dict(zip(header, row, strict=True))


def _whole_text(file: Path, encoding: str) -> Records:
    text = file.read_text(encoding, errors="surrogateescape")
    yield 1, {"text": text, "name": file.stem}


READERS: dict[str, Callable[[Path, str], Records]] = {
    "jsonl": _json_lines,
    "json": _json_list,
    "csv": _csv_rows,
    "text": _whole_text,
}
