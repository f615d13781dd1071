"""A tokenizer as far as making it longer is concerned: its entries, and of which kind it is.

bytes    byte-level BPE (GPT-2, Llama 3, Qwen): every text is bytes, a pattern cuts words
pieces   SentencePiece, BPE or Unigram (Llama 2, Baichuan): "▁" stands for a blank, and a
         character without an entry is spelt in bytes, or is unknown
"""

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from medllm.errors import ConfigError

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

BYTE = re.compile(r"<0x[0-9A-F]{2}>")


class Entry(NamedTuple):
    """One that a tokenizer does not have yet.

    token: as the vocabulary writes it.
    parts: ids of the base's tokens that stand in its place so far.
    """

    token: str
    parts: tuple[int, ...]


@dataclass(frozen=True)
class Core:
    """What cuts text.

    cutter: the tokenizers library's; "<|end|>" in a text is text to it.
    tokens: every entry by its id, "" where there is none; a new one comes after the last.
    is_pieces: SentencePiece's, not byte-level.
    walls: entries that nothing merges with: special ones, the unknown one, spelt bytes.
    """

    cutter: "Tokenizer"
    tokens: list[str]
    is_pieces: bool
    walls: frozenset[int]

    def text(self, token: str) -> str:
        """What a token says; bytes that are no whole character as "�", blanks of pieces as "▁"."""
        decoder = None if self.is_pieces else self.cutter.decoder
        return decoder.decode([token]) if decoder else token


def core_of(tokenizer: "PreTrainedTokenizerFast") -> Core:
    """A copy of what cuts text in `tokenizer`.

    Raises:
        ConfigError: it is of another kind.
    """
    return core(json.loads(tokenizer.backend_tokenizer.to_str()))


def core(said: dict[str, Any]) -> Core:
    """The core that a tokenizer.json describes."""
    from tokenizers import Tokenizer

    cutter = Tokenizer.from_str(json.dumps({**said, "truncation": None, "padding": None}))
    cutter.encode_special_tokens = True
    vocabulary = cutter.get_vocab()
    tokens = [""] * (max(vocabulary.values()) + 1)
    for token, number in vocabulary.items():
        tokens[number] = token
    is_pieces = _is_pieces(said)
    walls = {added["id"] for added in said["added_tokens"]}
    walls |= {number for number, token in enumerate(tokens) if is_pieces and BYTE.fullmatch(token)}
    unknown = said["model"].get("unk_id", vocabulary.get(said["model"].get("unk_token")))
    return Core(cutter, tokens, is_pieces, frozenset(walls | {unknown} - {None}))


def _is_pieces(said: dict[str, Any]) -> bool:
    kind = said["model"]["type"]
    if kind == "BPE" and "ByteLevel" in json.dumps([said["pre_tokenizer"], said["normalizer"]]):
        return False
    if kind == "Unigram" or (kind == "BPE" and said["model"]["byte_fallback"]):
        return True
    raise ConfigError(
        [f"the tokenizer of `model` is {kind}, neither byte-level BPE nor SentencePiece"]
    )
