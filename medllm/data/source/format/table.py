"""Records that are rows of a CSV or TSV.

A quote that is never closed would swallow the rows that follow; they are given back and
read, so that it costs its own row only.
"""

import csv
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from medllm.data.source.format.raw import Raw, Records
from medllm.data.source.format.stream import Broken
from medllm.data.source.record import Malformed, Record
from medllm.errors import DataError

# The default, 131,072 characters, is less than many an article has. What bounds a row here is
# the source's `longest`.
csv.field_size_limit(sys.maxsize)
UNCLOSED = "unexpected end of data"  # how csv calls a quote that is open at the end


def comma_separated(raw: Raw) -> Records:
    """Rows, each numbered by its first line."""
    return _rows(raw, csv.excel)


def tab_separated(raw: Raw) -> Records:
    """Rows; a quote is text unless a field begins with it."""
    return _rows(raw, csv.excel_tab)


def header(file: Path, names: Sequence[str]) -> Sequence[str]:
    """`names`, which must differ where they are not empty.

    Raises:
        DataError: one stands twice.
    """
    for name in filter(None, names):
        if names.count(name) > 1:
            raise DataError(f"{file} has column '{name}' twice; give its `columns` other names")
    return names


def as_record(names: Sequence[str], row: Sequence[str]) -> Record | Malformed:
    if len(row) != len(names):
        return Malformed(f"{len(row)} fields, where the header has {len(names)}", ",".join(row))
    return dict(zip(names, row, strict=True))


def _rows(raw: Raw, dialect: type[csv.Dialect]) -> Records:
    lines = _Lines(raw)
    # strict: a stray quote is an error of one row, not a field that swallows the file.
    rows = csv.reader(lines, dialect, strict=True)
    names = raw.columns and header(raw.path, raw.columns)
    while True:
        lines.taken, lines.size = [], 0
        try:
            row = next(rows)
        except StopIteration:
            return
        except Broken as broken:
            broken.line = lines.taken[0][0] if lines.taken else broken.line
            raise
        except _TooLong as error:
            _check(names, raw.path, error.line)
            yield error.number, error.line
        except csv.Error as error:
            number, refused = lines.taken[0][0], lines.refused(str(error), names or (), dialect)
            _check(names, raw.path, refused)
            yield number, refused
        else:
            if names is None:
                names = header(raw.path, row)
            elif row:
                yield lines.taken[0][0], as_record(names, row)


def _check(names: Sequence[str] | None, file: Path, malformed: Malformed) -> None:
    """That it is not the header that is malformed."""
    if names is None:
        raise DataError(f"{file} has no header that can be read: {malformed.reason}")


class _TooLong(Exception):
    def __init__(self, number: int, line: Malformed) -> None:
        super().__init__(number, line)
        self.number, self.line = number, line


class _Lines:
    """Lines for a csv.reader to take, and to take again.

    taken: those of the row that is being read, with their numbers; `size` characters.
    """

    def __init__(self, raw: Raw) -> None:
        self.lines, self.longest = raw.lines(""), raw.longest
        self.again: deque[tuple[int, str | Malformed]] = deque()
        self.taken: list[tuple[int, str]] = []
        self.size = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        number, line = self.again.popleft() if self.again else next(self.lines)
        if isinstance(line, Malformed) and not self.taken:
            raise _TooLong(number, line)
        if isinstance(line, Malformed) or self.size + len(line) > self.longest:
            self.again.appendleft((number, line))
            raise StopIteration  # of the row: to csv the open quote is never closed
        self.taken.append((number, line))
        self.size += len(line)
        return line

    def refused(self, error: str, names: Sequence[str], dialect: type[csv.Dialect]) -> Malformed:
        """The row taken last; the rows that its open quote swallowed are read again."""
        row = [line for _, line in self.taken]
        if _swallows_rows(row, UNCLOSED in error, len(names), dialect):
            self.again.extendleft(reversed(self.taken[1:]))
            return Malformed(f"not CSV: {error}", row[0])
        extent = f"; lines {self.taken[0][0]} to {self.taken[-1][0]}" * (len(row) > 1)
        return Malformed(f"not CSV: {error}{extent}", "".join(row))


def _swallows_rows(
    row: Sequence[str], is_open: bool, columns: int, dialect: type[csv.Dialect]
) -> bool:
    """Whether the lines after the first are rows of their own, and not parts of a field.

    Args:
        row: lines that csv took for one row, and refused.
        is_open: for a quote still open at the end; else for one in the last line.
        columns: of the table.
        dialect: of the table.
    """

    def fits(line: str) -> bool:
        return not line.strip() or len(next(csv.reader([line], dialect))) == columns

    if is_open:  # a file cut within a field hardly ever ends with the end of a line
        return row[-1].endswith("\n") and all(fits(line) for line in row[1:])
    # The quote opens a field, or it would close one of this row.
    opens = row[-1].partition('"')[0][-1:] in ("", dialect.delimiter)
    return opens and all(fits(line) for line in row[1:-1])
