"""Which encoding a text is in, by what lies at its beginning."""

import codecs
import logging
import re
from collections import Counter
from pathlib import Path

from medllm.data.source.format.stream import Broken, binary

log = logging.getLogger(__name__)

MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
CANDIDATES = ("gb18030", "big5hkscs", "cp1252")
PIECE = 1 << 20  # bytes looked at together
PIECES = 64  # in which to find something that is not ASCII
GUESSES = 15  # of which the most frequent counts: one may fail for a character cut in two
SAMPLE = 1 << 12  # bytes or more that a guess is made from
_DECLARED = re.compile(rb"""\s*<\?xml[^>]*encoding=["']([\w.-]+)""")


def detect(file: Path) -> str:
    """The encoding of `file`: what its mark or its XML declaration says, UTF-8, or a guess.

    A file whose text is mostly UTF-8 is UTF-8; what is not will be malformed.
    """
    sample = _sample(file)
    for mark, encoding in MARKS.items():
        if sample.startswith(mark):
            return encoding
    declared = _DECLARED.match(sample)
    if declared and is_known(declared[1].decode()):
        return declared[1].decode().lower()
    if _is_utf8(sample):
        return "utf-8"
    guess = _guess(sample)
    log.info("%s is read as %s, as it seems to be; `encoding` can say otherwise", file, guess)
    return guess


def is_known(encoding: str) -> bool:
    try:
        "".encode(encoding)
    except LookupError:
        return False
    return True


def _sample(file: Path) -> bytes:
    """The first bytes that are not all ASCII; what cannot be read is for the reader to tell."""
    piece = b""
    try:
        with binary(file) as content:
            for _ in range(PIECES):
                piece = content.read(PIECE)
                if not piece.isascii() or len(piece) < PIECE:
                    break
    except Broken:
        pass
    return piece


def _is_utf8(sample: bytes) -> bool:
    text = sample.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    return 2 * bad <= len(text) - len(text.encode("ascii", "ignore"))


def _guess(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    guesses = Counter[str]()
    for piece in _pieces(sample):
        if best := from_bytes(piece, cp_isolation=list(CANDIDATES)).best():
            guesses[best.encoding] += 1
    return guesses.most_common(1)[0][0] if guesses else "utf-8"


def _pieces(sample: bytes) -> list[bytes]:
    """Lines that are not ASCII, a few together."""
    pieces = [b""]
    for line in sample.split(b"\n"):
        if len(pieces[-1]) > SAMPLE:
            pieces.append(b"")
        if not line.isascii():
            pieces[-1] += line + b"\n"
    return pieces[:GUESSES]
