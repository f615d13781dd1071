"""A file to be read, with all that a reader must know of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from medllm.data.source.format import stream
from medllm.data.source.record import Malformed, Record

Records = Iterator[tuple[int, Record | Malformed]]


@dataclass(frozen=True)
class Raw:
    """A file of one of the formats; `at`, `columns` and `longest` as in `read.Source`."""

    path: Path
    encoding: str
    at: str | None
    columns: Sequence[str] | None
    longest: int

    @property
    def name(self) -> str:
        """Of the file, without folder and extension."""
        return stream.stem(self.path)

    def lines(self, newline: str | None = "\n") -> Iterator[tuple[int, str | Malformed]]:
        """Numbered from 1. By default a lone carriage return is text, not the end of a line."""
        with stream.characters(self.path, self.encoding, newline) as text:
            yield from stream.lines(text, self.longest)

    def utf8(self) -> stream.Utf8:
        return stream.Utf8(self.path, self.encoding)
