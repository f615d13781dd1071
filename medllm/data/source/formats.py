"""A file of any format into its records: (line, record), or what stands there instead.

Lines count from 1; where a file has none (JSON, XML, Parquet), its records are counted. What
breaks off or is damaged is one malformed record at the place where it does; all before it is
read.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from medllm.data.source.format import encoding as encodings
from medllm.data.source.format import json_list, sheet, table, text, xml
from medllm.data.source.format.raw import Raw, Records
from medllm.data.source.format.stream import UNDECODABLE, Broken
from medllm.data.source.record import Malformed, Record
from medllm.errors import ConfigError

READERS: dict[str, Callable[[Raw], Records]] = {
    "jsonl": text.json_lines,
    "json": json_list.json_list,
    "csv": table.comma_separated,
    "tsv": table.tab_separated,
    "lines": text.lines,
    "text": text.whole,
    "xlsx": sheet.first_sheet,
    "parquet": sheet.parquet,
    "xml": xml.elements,
    "obo": text.ontology,
}
_written = json.JSONEncoder(ensure_ascii=False, check_circular=False, default=str).encode
# What one record lacks, all lack. Not so Parquet, whose fields may hold records of their own.
TABLES = {"csv", "tsv", "xlsx"}


def records(
    file: Path,
    *,
    format: str,
    encoding: str,
    at: str | None,
    columns: Sequence[str] | None,
    longest: int,
) -> Records:
    """Every record of `file`; the arguments as in `medllm.data.source.read.Source`.

    Raises:
        ConfigError: an encoding nobody knows.
        DataError: a table that names a column twice.
    """
    if encoding == "auto":
        encoding = "utf-8" if format in ("xlsx", "parquet") else encodings.detect(file)
    elif not encodings.is_known(encoding):
        raise ConfigError([f"encoding={encoding!r} is unknown; use auto, utf-8, gb18030"])
    line = 0
    try:
        for line, record in READERS[format](Raw(file, encoding, at, columns, longest)):
            yield line, _checked(record, encoding)
    except Broken as broken:
        reason = f"{broken}, and the rest is not read"
        yield broken.line or line + 1, Malformed(reason, "")


def _checked(record: Record | Malformed, encoding: str) -> Record | Malformed:
    if isinstance(record, Malformed):
        return record
    try:
        # Undecodable bytes and lone JSON surrogates alike are not Unicode text: no
        # tokenizer takes them.
        written = _written(record)
        written.encode()
    except UnicodeEncodeError:
        return _undecodable(encoding, json.dumps(record, default=str))
    except RecursionError:
        return Malformed("is nested too deeply", "")
    if not isinstance(record, dict):
        return Malformed(f"is a {type(record).__name__}, not an object", written)
    return _undecodable(encoding, written) if UNDECODABLE in written else record


def _undecodable(encoding: str, written: str) -> Malformed:
    return Malformed(f"bytes that {encoding} does not allow; check `encoding`", written)
