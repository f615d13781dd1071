"""Tokens as text that a person can read.

A byte-level token may be a third of a Chinese character; alone it decodes to U+FFFD. So tokens
are put together until they end with a character, and what never does is shown as its bytes.
"""

import functools
import json
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SPACE = "\u2581"  # how SentencePiece writes a space
SIGNS = {"\n": "↵\n", "\t": "⇥\t"}  # shown as well as done
HIDDEN = ("Cc", "Cf", "Zl", "Zp", "Co")  # Unicode's categories of what has no shape


class Spelling:
    """The bytes that each token of a tokenizer stands for.

    special: ids of control tokens, which stand for no text.
    """

    def __init__(self, tokenizer: "PreTrainedTokenizerFast") -> None:
        added = tokenizer.added_tokens_decoder.items()
        self.tokenizer = tokenizer
        self.added = {id: token.content for id, token in added}
        self.special = {id for id, token in added if token.special} | set(tokenizer.all_special_ids)
        decoder = json.loads(tokenizer.backend_tokenizer.to_str())["decoder"]
        self.is_bytes = '"ByteLevel"' in json.dumps(decoder)

    def bytes_of(self, ids: Sequence[int]) -> list[bytes]:
        pieces = self.tokenizer.convert_ids_to_tokens(list(ids))
        return [self._bytes(id, str(piece)) for id, piece in zip(ids, pieces, strict=True)]

    def _bytes(self, id: int, piece: str) -> bytes:
        if id in self.added:
            return self.added[id].encode()
        if self.is_bytes:
            return bytes(letters()[letter] for letter in piece)
        if len(piece) == 6 and piece.startswith("<0x"):  # SentencePiece's fallback to bytes
            return bytes.fromhex(piece[3:5])
        return piece.replace(SPACE, " ").encode()


@functools.cache
def letters() -> dict[str, int]:
    """The characters in which byte-level vocabularies write bytes."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    return {letter: byte for byte, letter in bytes_to_unicode().items()}


def characters(spelt: Sequence[bytes]) -> Iterator[tuple[int, str]]:
    """Tokens in groups that end with a character: how many, and their text.

    Args:
        spelt: the bytes of each token.
    """
    at = 0
    while at < len(spelt):
        count = _until_whole(spelt, at)
        yield count, legible(b"".join(spelt[at : at + count]))
        at += count


def _until_whole(spelt: Sequence[bytes], at: int) -> int:
    """The fewest tokens from `at` on that end with a character; 1 where none ever do."""
    held = b""
    for stop in range(at, len(spelt)):
        held += spelt[stop]
        try:
            held.decode()
        except UnicodeDecodeError as error:
            if error.reason == "unexpected end of data":
                continue
            return 1
        return stop - at + 1
    return 1


def legible(text: bytes) -> str:
    r"""Text in which all shows: line ends, tabs, invisible characters, stray bytes (\xe6)."""
    return "".join(_sign(character) for character in text.decode(errors="backslashreplace"))


def _sign(character: str) -> str:
    if character in SIGNS:
        return SIGNS[character]
    if character == "\ufffd" or unicodedata.category(character) in HIDDEN:
        return f"‹U+{ord(character):04X}›"
    return character
