"""A corpus on disk, as published, into Examples or Questions.

    file -> formats -> record -> to_example -> Example | Question
                  malformed records -> Quarantine, with file, line, reason and excerpt

One malformed record never stops a corpus of millions, and never vanishes either: it is
counted and written down. What no record can cure (no file, a missing CSV column, nothing
usable at all) is a `DataError`.
"""

import codecs
import glob
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from medllm.data.source.formats import READERS, Malformed
from medllm.data.source.record import MissingField, Record
from medllm.errors import ConfigError, DataError
from medllm.types import Example, Question

EXCERPT = 200  # characters of a rejected record that are kept


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that was left out, and why. `line` counts from 1."""

    file: str
    line: int
    reason: str
    excerpt: str


class Quarantine:
    """The records of a source that were left out."""

    def __init__(self) -> None:
        self.rejected: list[Rejected] = []

    def __len__(self) -> int:
        return len(self.rejected)

    def add(self, file: str, line: int, reason: str, raw: object) -> None:
        self.rejected.append(Rejected(file, line, reason, str(raw)[:EXCERPT]))

    def write(self, path: Path) -> None:
        """One JSON line per rejected record."""
        path.write_text("".join(json.dumps(asdict(each)) + "\n" for each in self.rejected))


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a corpus lies and how one of its records becomes an Example or a Question.

    Args:
        files: a path, or a pattern with * or **; read in sorted order.
        format: jsonl, one JSON object per line; json, one list of objects; csv, with a
            header; text, one document per file with the fields `text` and `name`.
        encoding: as Python names it, e.g. utf-8, utf-8-sig (with a mark), gb18030.
        to_example: called with a record and its id, "<file stem>/<line>".
        limit: read only so many records, malformed ones included; None for all.
        has_patient_data: written by or about real patients, so to be handled with care.
    """

    files: str
    format: Literal["jsonl", "json", "csv", "text"]
    encoding: str
    to_example: Callable[..., Example | Question]
    limit: int | None
    has_patient_data: bool

    def paths(self) -> list[Path]:
        """The files there are.

        Raises:
            DataError: if there is none.
        """
        found = sorted(p for p in map(Path, glob.glob(self.files, recursive=True)) if p.is_file())
        if Path(self.files).is_file():  # a name with [ or * in it is still a name
            return [Path(self.files)]
        if not found:
            raise DataError(f"no file at '{self.files}'; change the source's `files`")
        return found

    def examples(self, quarantine: Quarantine) -> Iterator[Example | Question]:
        """Every well-formed record; the others are added to `quarantine`.

        Raises:
            ConfigError: an encoding nobody knows.
            DataError: no file, a CSV without a needed column, or no usable record.
        """
        _check_encoding(self.encoding)
        read = given = 0
        for file, line, record in islice(self._records(), self.limit):
            read += 1
            try:
                example = self.to_example(_checked(record), f"{file.stem}/{line}")
            except DataError as error:
                if isinstance(error, MissingField) and self.format == "csv":
                    raise _missing_column(file, error.name, record) from error
                quarantine.add(str(file), line, str(error), _raw(record))
            else:
                given += 1
                yield example
        if not given:
            raise _nothing(self.files, read, quarantine)

    def _records(self) -> Iterator[tuple[Path, int, Record | Malformed]]:
        for file in self.paths():
            for line, record in READERS[self.format](file, self.encoding):
                yield file, line, record


def _checked(record: Record | Malformed) -> Record:
    if isinstance(record, Malformed):
        raise DataError(record.reason)
    if not isinstance(record, dict):
        raise DataError(f"is a {type(record).__name__}, not an object")
    try:
        # Undecodable bytes and lone JSON surrogates alike are not Unicode text: no
        # tokenizer takes them.
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise DataError("bytes that the encoding does not allow; check `encoding`") from None
    return record


def _raw(record: Record | Malformed) -> str:
    raw = record.raw if isinstance(record, Malformed) else json.dumps(record, ensure_ascii=False)
    return raw.strip()


def _check_encoding(encoding: str) -> None:
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise ConfigError([f"encoding={encoding!r} is unknown; use utf-8, gb18030"]) from None


def _missing_column(file: Path, name: str, record: Record | Malformed) -> DataError:
    columns = ", ".join(f"'{column}'" for column in record) if isinstance(record, dict) else ""
    return DataError(f"{file} has no column '{name}'; its columns are {columns}")


def _nothing(files: str, read: int, quarantine: Quarantine) -> DataError:
    message = f"no example in '{files}': {read} records read, {len(quarantine)} malformed"
    if quarantine.rejected:
        first = quarantine.rejected[0]
        message += f"; the first, {first.file}:{first.line}: {first.reason}"
    return DataError(message)
