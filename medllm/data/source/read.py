"""A corpus on disk, as published, into Examples or Questions.

    files -> paths -> records -> made -> Example | Question
                malformed records -> Quarantine, with file, line, reason and excerpt

One malformed record never stops a corpus of millions, and never vanishes either: it is
counted and written down. What no record can cure (no file, a missing CSV column, nothing
usable at all) is a `DataError`.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal, Protocol

from medllm.data.source import files, formats
from medllm.data.source.format.raw import Records
from medllm.data.source.record import Malformed, MissingColumn, MissingField, Record
from medllm.errors import DataError
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


class Deidentifier(Protocol):
    """Replaces what names a person; see `medllm.data.deidentify`."""

    def apply(self, id: str, texts: Sequence[str], /) -> tuple[Sequence[str], Sequence[Any]]: ...


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a corpus lies and how one of its records becomes Examples or a Question.

    Args:
        files: a path, or a pattern with * or **, read in sorted order; or the same within a
            dataset of the Hugging Face hub, hf://datasets/owner/name@revision/path. What ends
            in .gz or .zst is inflated.
        format: jsonl, one JSON object per line; json, one list of objects, texts or
            lists (the fields `text` and `turns`), or an object of objects, which get the field
            `key`; csv or tsv; lines, one text per line;
            text, one document per file with the fields `text` and `name`; xlsx, the first
            sheet; parquet; xml, elements as the fields `xml` and `name`; obo, terms.
        encoding: as Python names it, e.g. utf-8, gb18030; auto, to find it out. Not of xlsx
            and parquet.
        to_example: called with a record and its id; gives one example or a list of them.
        limit: read only so many records, malformed ones included; None for all.
        has_patient_data: written by or about real patients: what is left out is not quoted.
        at: of json, the keys that lead to the records, "data" or "data.item.paragraphs"; of
            xml, the tag of the elements; of text, what stands between the documents of a file.
            None for the outermost, and for one document per file.
        columns: of a table whose file has no header.
        longest: characters of a line, a row or a document; longer ones are malformed.
        alter: by name, str -> str, for every text; see `medllm.data.clean.alter`.
        keep: by name, Example -> True or (False, reason); see `medllm.data.clean.keep`.
        deidentify: what replaces names, numbers and dates; None for nothing.
    """

    files: str
    format: Literal["jsonl", "json", "csv", "tsv", "lines", "text", "xlsx", "parquet", "xml", "obo"]
    encoding: str
    to_example: Callable[..., Example | Question | Sequence[Example | Question]]
    limit: int | None
    has_patient_data: bool
    at: str | None = None
    columns: Sequence[str] | None = None
    longest: int = 2**25
    alter: Mapping[str, Callable[..., str]] = field(default_factory=dict)
    keep: Mapping[str, Callable[..., object]] = field(default_factory=dict)
    deidentify: Deidentifier | None = None

    def paths(self) -> list[Path]:
        """The files there are; those of the hub are downloaded.

        Raises:
            DataError: if there is none.
        """
        return files.paths(self.files)

    def records(self, file: Path) -> Records:
        """The records of one of `paths` with their lines, always in the same order.

        Raises:
            ConfigError: an encoding nobody knows.
            DataError: a table that names a column twice.
        """
        return formats.records(
            file,
            format=self.format,
            encoding=self.encoding,
            at=self.at,
            columns=self.columns,
            longest=self.longest,
        )

    def made(
        self, file: Path, line: int, record: Record | Malformed
    ) -> Sequence[Example | Question]:
        """What `to_example` makes of one of `records`, at least one.

        The id is the file's path below the fixed part of `files`, and the line; where one
        record gives several, also the number of each, from 1.

        Raises:
            MissingColumn: all of the table lacks what is needed.
            DataError: it is malformed.
        """
        if isinstance(record, Malformed):
            raise DataError(record.reason)
        id = f"{files.name(self.files, file)}/{line}"
        try:
            made = self.to_example(record, id)
        except MissingField as error:
            if self.format not in formats.TABLES:
                raise
            columns = ", ".join(f"'{column}'" for column in record)
            message = f"{file} has no column '{error.name}'; its columns are {columns}"
            raise MissingColumn(message) from error
        if not isinstance(made, Sequence):
            return [made]
        if not made:
            raise DataError("gives no example")
        several = len(made) > 1
        return [replace(e, id=f"{id}/{k}" if several else id) for k, e in enumerate(made, start=1)]

    def excerpt(self, record: Record | Malformed) -> str:
        """The beginning of a record that is left out; nothing of a patient's."""
        if self.has_patient_data:
            return ""
        if isinstance(record, Malformed):
            return record.raw.strip()[:EXCERPT]
        return json.dumps(record, ensure_ascii=False, default=str)[:EXCERPT]

    def reason(self, error: DataError, record: Record | Malformed) -> str:
        """Why a record is left out, without what it quotes of a patient's; fields may be named."""
        said = str(error)
        if not self.has_patient_data or isinstance(error, MissingField):
            return said
        known = record.keys() if isinstance(record, dict) else ()
        if all(quoted in known for quoted in said.split("'")[1::2]):
            return said
        # From the first quote to the last: what is quoted may hold some itself.
        return re.sub("'.*'", "'…'", said, flags=re.DOTALL)

    def examples(self, quarantine: Quarantine) -> Iterator[Example | Question]:
        """What every well-formed record gives, as read: not altered, all kept.

        Malformed records are added to `quarantine`.

        Raises:
            ConfigError: an encoding nobody knows.
            DataError: no file, a table without a needed column, or no usable record.
        """
        read = given = 0
        every = ((file, *entry) for file in self.paths() for entry in self.records(file))
        for file, line, record in islice(every, self.limit):
            read += 1
            try:
                made = self.made(file, line, record)
            except MissingColumn:
                raise
            except DataError as error:
                reason = self.reason(error, record)
                quarantine.add(str(file), line, reason, self.excerpt(record))
            else:
                given += len(made)
                yield from made
        if not given:
            raise _nothing(self.files, read, quarantine)


def _nothing(files: str, read: int, quarantine: Quarantine) -> DataError:
    message = f"no example in '{files}': {read} records read, {len(quarantine)} malformed"
    if quarantine.rejected:
        first = quarantine.rejected[0]
        message += f"; the first, {first.file}:{first.line}: {first.reason}"
    return DataError(message)
