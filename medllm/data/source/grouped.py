"""Records of one thing that lie scattered over a file, brought together: triples by subject.

    (1, "flu symptom fever")                    (1, {"records": ["flu symptom fever",
    (2, "gout treatment rest")     ->                            "flu symptom cough"]})
    (3, "flu symptom cough")                    (2, {"records": ["gout treatment rest"]})

On the way they lie on disk, in SHELVES files by a hash of the subject; no more than one of
these is in memory at a time.
"""

import json
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from medllm.data.source import formats
from medllm.data.source import record as read
from medllm.data.source.format.raw import Records
from medllm.data.source.read import Source
from medllm.data.source.record import Malformed, MissingColumn, MissingField, Record
from medllm.errors import DataError

# 4.4 million triples, about 300 MB, are 5 MB on a shelf, and ten times that in memory.
SHELVES = 64


@dataclass(frozen=True, kw_only=True)
class GroupedSource(Source):
    """A source whose `to_example` gets all records of a file that agree in one field.

    The record it gets is {"records": [...]}, in the order of the file, at the line of the first.

    Args:
        by: the field.
    """

    by: str

    def records(self, file: Path) -> Records:
        """The groups of one of `paths`, always in the same order, which is not the file's.

        Raises:
            MissingColumn: a table without the column `by`.
        """
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            shelves = [
                stack.enter_context(open(f"{folder}/{number}", "w+", encoding="utf-8"))
                for number in range(SHELVES)
            ]
            for line, record in super().records(file):
                if isinstance(record, Malformed):
                    yield line, record
                    continue
                group = self._group(file, record)
                if isinstance(group, Malformed):
                    yield line, group
                    continue
                shelf = shelves[zlib.crc32(group.encode()) % SHELVES]
                shelf.write(json.dumps([group, line, record]) + "\n")
            for shelf in shelves:
                yield from _groups(shelf)

    def _group(self, file: Path, record: Record) -> str | Malformed:
        try:
            return read.text(record, self.by)
        except DataError as error:
            if isinstance(error, MissingField) and self.format in formats.TABLES:
                columns = ", ".join(f"'{column}'" for column in record)
                message = f"{file} has no column '{self.by}'; its columns are {columns}"
                raise MissingColumn(message) from error
            return Malformed(str(error), json.dumps(record, ensure_ascii=False))


def _groups(shelf: IO[str]) -> Iterator[tuple[int, Record]]:
    shelf.seek(0)
    groups: dict[str, tuple[int, list[Record]]] = {}
    for written in shelf:
        group, line, record = json.loads(written)
        groups.setdefault(group, (line, []))[1].append(record)
    for line, records in groups.values():
        yield line, {"records": records}
