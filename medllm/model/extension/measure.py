"""What a longer tokenizer saves, and whether its two files agree."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from medllm.model.extension.core import Core, core_of
from medllm.model.extension.learn import encoded


def compression(texts: Iterable[str], core: Core) -> dict[str, float]:
    """How few tokens some text becomes."""
    characters = size = tokens = 0
    for text, cut in encoded(texts, core):
        characters += len(text)
        size += len(text.encode())
        tokens += len(cut)
    return {
        "characters": characters,
        "bytes": size,
        "tokens": tokens,
        "tokens_per_character": tokens / characters,
        "bytes_per_token": size / tokens,
    }


def disagreements(folder: Path, texts: Iterable[str]) -> int | None:
    """How many texts SentencePiece cuts into other ids than transformers; None without its file.

    The two differ by rounding where a text has two cuts that are equally good.
    """
    from sentencepiece import SentencePieceProcessor
    from transformers import AutoTokenizer

    file = folder / "tokenizer.model"
    if not file.exists():
        return None
    core = core_of(AutoTokenizer.from_pretrained(folder))
    pieces: Any = SentencePieceProcessor(model_file=str(file))
    return sum(pieces.encode(text) != cut.ids for text, cut in encoded(texts, core))
