"""The bytes of a file, plain, .gz or .zst, and its characters, a piece at a time.

    file -> binary -> characters -> lines       text, CSV, JSON lines, OBO
                   -> Utf8                      what lxml and ijson read
                   -> seekable                  Parquet, XLSX

Bytes that the encoding does not allow pass as lone surrogates, or as UNDECODABLE where the
reader wants UTF-8, so that one bad byte costs one record; `formats.records` rejects it.
"""

import codecs
import io
import re
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from medllm.data.source.record import Malformed

# One of the code points that Unicode keeps for a program's own use: never in a text.
UNDECODABLE = "\ufdd0"
EXCERPT = 200  # characters of a line too long to be read that are kept
# Compressed bytes inflated at once. A zstd block of 4 bytes may stand for 128 KiB, so that
# this is at most 8 MiB of content. Of a damaged file as much is lost.
PIECE = 1 << 8
SKIPPED = 1 << 20  # characters of such a line that are passed over at once


class Broken(Exception):
    """A file that cannot be read on. `line` counts from 1; None where lines do not count."""

    line: int | None = None


def _gzip() -> tuple[Callable[[], Any], type[Exception]]:
    return partial(zlib.decompressobj, zlib.MAX_WBITS | 16), zlib.error


def _zstd() -> tuple[Callable[[], Any], type[Exception]]:
    import zstandard

    # 2**31: the window of `zstd --long=31`.
    return zstandard.ZstdDecompressor(max_window_size=2**31).decompressobj, zstandard.ZstdError


COMPRESSED = {".gz": _gzip, ".zst": _zstd}


class _Inflated(io.RawIOBase):
    """What a compressed file holds, one member or frame after the other."""

    def __init__(self, file: Path) -> None:
        self.file, self.suffix = file.open("rb"), file.suffix
        self.start, self.error = COMPRESSED[file.suffix]()
        self.member = self.start()
        self.ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.file.close()
        super().close()

    def readinto(self, buffer: Any) -> int:
        while not self.ready:
            if not self._inflate():
                return 0
        size = min(len(buffer), len(self.ready))
        buffer[:size] = self.ready[:size]
        self.ready = self.ready[size:]
        return size

    def _inflate(self) -> bool:
        """Whether there was another piece.

        Raises:
            Broken: it is not compressed as its name says, is damaged or ends too early.
        """
        if self.member.eof:
            piece = self.member.unused_data or self.file.read(PIECE)
            if not piece:
                return False
            self.member = self.start()
        elif not (piece := self.file.read(PIECE)):
            raise Broken(f"the {self.suffix} file breaks off")
        try:
            self.ready = memoryview(self.member.decompress(piece))
        except self.error as error:
            raise Broken(f"not {self.suffix}, or damaged: {error}") from error
        return True


def binary(file: Path) -> io.BufferedReader:
    """The bytes of `file`, inflated where its name says .gz or .zst."""
    if file.suffix not in COMPRESSED:
        return file.open("rb")
    return io.BufferedReader(_Inflated(file), 1 << 16)


def stem(file: Path) -> str:
    """The name of `file` without its extension, and without that of its compression."""
    plain = file.stem if file.suffix in COMPRESSED else file.name
    return Path(plain).stem


@contextmanager
def seekable(file: Path) -> Iterator[BinaryIO]:
    """The bytes of `file` in any order; a compressed one is laid on disk for that."""
    with binary(file) as content:
        if file.suffix not in COMPRESSED:
            yield content
            return
        with tempfile.TemporaryFile() as laid:
            shutil.copyfileobj(content, laid)
            laid.seek(0)
            yield laid


def characters(file: Path, encoding: str, newline: str | None) -> TextIO:
    """The text of `file`; a byte order mark is none of it. `newline` as `open` takes it."""
    return io.TextIOWrapper(
        binary(file), with_mark(encoding), errors="surrogateescape", newline=newline
    )


def lines(text: TextIO, longest: int) -> Iterator[tuple[int, str | Malformed]]:
    """Each line and its number; one of `longest` characters or more is passed over in pieces."""
    number = 0
    try:
        while line := text.readline(longest):
            number += 1
            if len(line) < longest or line.endswith(("\n", "\r")):
                yield number, line
                continue
            head = line[:EXCERPT]
            del line
            while (more := text.readline(SKIPPED)) and not more.endswith(("\n", "\r")):
                pass
            yield number, too_long(longest, head)
    except Broken as broken:
        broken.line = number + 1
        raise


def too_long(longest: int, head: str) -> Malformed:
    return Malformed(f"longer than `longest`={longest} characters", head)


class Utf8:
    """A file to read UTF-8 from, whatever its own encoding."""

    def __init__(self, file: Path, encoding: str) -> None:
        self.bytes = binary(file)
        self.decode = codecs.getincrementaldecoder(with_mark(encoding))("surrogateescape").decode

    def __enter__(self) -> "Utf8":
        return self

    def __exit__(self, *_: object) -> None:
        self.bytes.close()

    def read(self, size: int) -> bytes:
        """About `size` bytes; none at the end."""
        text, piece = "", b"?"
        while size and piece and not text:
            piece = self.bytes.read1(size)
            text = self.decode(piece, final=not piece)
        return re.sub("[\ud800-\udfff]", UNDECODABLE, text).encode()


def with_mark(encoding: str) -> str:
    """`encoding`, or where that is UTF-8, the one that passes over a byte order mark."""
    return "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
