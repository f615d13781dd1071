"""Records that are rows of an XLSX sheet or of a Parquet file.

Both are read through an index at the end of the file, so what is cut short has no rows at all.
"""

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from medllm.data.source.format.raw import Raw, Records
from medllm.data.source.format.stream import seekable
from medllm.data.source.format.table import as_record, header
from medllm.data.source.record import Malformed, Record
from medllm.errors import DataError

ROWS = 256  # of a Parquet file, held at once
# What openpyxl lets through of a damaged file: of the archive, its members, their XML and values.
DAMAGE = (
    *(zipfile.BadZipFile, NotImplementedError, OSError, EOFError, zlib.error),
    *(KeyError, IndexError, SyntaxError, ValueError),
)


def first_sheet(raw: Raw) -> Records:
    """Rows of the first sheet, numbered as there; its header is the first row with anything."""
    names = raw.columns and header(raw.path, raw.columns)
    number = 0
    with seekable(raw.path) as content:
        try:
            for number, row in enumerate(_rows(content), start=1):
                if names is None and any(row):
                    names = header(raw.path, _trimmed(row, 0))
                elif names and any(row):
                    yield number, as_record(names, _trimmed(row, len(names)))
        except DataError:
            raise
        except DAMAGE as error:
            what = f"not XLSX after row {number}, and the rest is not read: {error}"
            yield number + 1, Malformed(what, "")


def _rows(content: BinaryIO) -> Iterator[list[str]]:
    import openpyxl
    from openpyxl.utils.escape import unescape

    def text(value: object) -> str:
        return "" if value is None else unescape(str(value))

    sheet = openpyxl.load_workbook(content, read_only=True, data_only=True).worksheets[0]
    sheet.reset_dimensions()  # some programs write a size that is too small
    for cells in sheet.iter_rows(values_only=True):
        yield [text(value) for value in cells]


def parquet(raw: Raw) -> Records:
    """Rows, numbered from 1; a damaged group of rows does not cost the others."""
    import pyarrow
    from pyarrow.parquet import ParquetFile

    damage = (pyarrow.ArrowException, OSError, UnicodeDecodeError)
    with seekable(raw.path) as content:
        try:
            file = ParquetFile(content, pre_buffer=False)
        except damage as error:
            yield 1, Malformed(f"not Parquet: {error}", "")
            return
        first = 1
        for group in range(file.num_row_groups):
            number, last = first, first + file.metadata.row_group(group).num_rows - 1
            try:
                for batch in file.iter_batches(ROWS, row_groups=[group]):
                    for row in _listed(batch):
                        yield number, row
                        number += 1
            except damage as error:
                yield number, Malformed(f"rows {number} to {last} are damaged: {error}", "")
            first = last + 1


def _listed(batch: Any) -> list[Record | Malformed]:
    """The rows of a batch; one that is not UTF-8 does not cost the others."""
    try:
        return batch.to_pylist()
    except UnicodeDecodeError as error:
        if len(batch) == 1:
            return [Malformed(f"not UTF-8: {error.reason}", "")]
        return [row for i in range(len(batch)) for row in _listed(batch.slice(i, 1))]


def _trimmed(row: Sequence[str], length: int) -> list[str]:
    """`row` with `length` fields; only empty ones are added or taken away."""
    full = [*row, *[""] * (length - len(row))]
    while len(full) > length and not full[-1]:
        full.pop()
    return full
