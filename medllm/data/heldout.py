"""Held-out text, for bits per byte.

Bits per byte, unlike loss per token, can be compared between tokenizers and languages. It
needs to know how many bytes of text the predicted tokens stand for, and that exactly: a
byte-level token may be a third of a Chinese character.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from transformers import PreTrainedTokenizerFast

from medllm.types import Document


class Chunk(NamedTuple):
    """A piece of a document.

    ids: (T,) int32; every one but the first is predicted.
    bytes: length in UTF-8 of the text that the predicted tokens stand for.
    """

    ids: np.ndarray
    bytes: int


def chunks(
    documents: Iterable[Document], tokenizer: PreTrainedTokenizerFast, *, length: int
) -> list[Chunk]:
    """Documents whole, or in pieces of `length` tokens where they are longer.

    With a begin token in the tokenizer each piece starts with one, so that all its text is
    predicted; else the first token of each piece is not, and its bytes do not count. A piece
    in which nothing is predicted is left out. Sum nats and bytes over all pieces before
    dividing: a piece that ends a character begun in the one before has fewer bytes.

    Args:
        documents: never trained on.
        tokenizer: of the model.
        length: at least 2 tokens.
    """
    return [
        chunk
        for document in documents
        for chunk in _pieces(document.text, tokenizer, length)
        if len(chunk.ids) > 1
    ]


def _pieces(text: str, tokenizer: PreTrainedTokenizerFast, length: int) -> Iterator[Chunk]:
    ids, ends = _encoded(text, tokenizer)
    begin = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    size = length - len(begin)
    for start in range(0, len(ids), size):
        stop = min(start + size, len(ids))
        predicted = start if begin else start + 1
        read = np.array([*begin, *ids[start:stop]], dtype=np.int32)
        yield Chunk(read, int(ends[stop] - ends[predicted]))


def _encoded(text: str, tokenizer: PreTrainedTokenizerFast) -> tuple[list[int], np.ndarray]:
    """Ids (T,), and (T + 1,) the byte of the text up to which the first t tokens reach.

    Tokens that share a character all name the whole of it; since only ends are compared,
    its bytes go to the first of them and are counted once.
    """
    encoded = tokenizer(
        text,
        add_special_tokens=False,
        split_special_tokens=True,
        return_offsets_mapping=True,
        verbose=False,
    )
    bytes_before = np.cumsum([0, *(len(character.encode()) for character in text)])
    reached = [0, *(stop for _, stop in encoded["offset_mapping"])]
    ends = bytes_before[np.maximum.accumulate(reached)]
    ends[-1] = bytes_before[-1]  # what no token covers, e.g. trimmed space, is the last one's
    return encoded["input_ids"], ends
