"""A corpus as tokens: read once, whatever rows are made of them later.

    <stores>/tokens/<name>-<digest>/
        ids.bin         what the model reads, sequences end to end; uint16 or uint32
        learnt.bin      uint8, 1 where the token is one the model should say
        offsets.npy     (S + 1,) int64, where each sequence starts
        numbers.npy     (S,) int64, the example of the corpus it comes from
        left_out.jsonl  what the tokenizer could not use
        manifest.json

A pair takes two sequences, chosen then rejected.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerFast

from medllm.data import folder as folders
from medllm.data import left_out
from medllm.data.corpus import Corpus
from medllm.data.example import text_of
from medllm.data.left_out import EXCERPT, LeftOut
from medllm.data.tokenise import check_template, tokenise_all
from medllm.errors import DataError
from medllm.types import IGNORE, Document, Example, Preference, Tokens

TOGETHER = 1 << 20  # characters that the tokenizer gets at once


class TokenStore:
    """The sequences of one source.

    ids: (T,) memory map of unsigned integers.
    learnt: (T,) uint8 memory map.
    offsets: (S + 1,) int64.
    numbers: (S,) int64, of the example in the corpus.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = folders.manifest(folder)
        self.is_pairs: bool = self.manifest["pairs"]
        dtype = np.dtype(self.manifest["dtype"])
        # Plain arrays over the maps: slices of np.memmap itself cost ten times as much.
        self.ids = np.asarray(np.memmap(folder / "ids.bin", dtype, mode="r"))
        self.learnt = np.asarray(np.memmap(folder / "learnt.bin", np.uint8, mode="r"))
        self.offsets = np.load(folder / "offsets.npy")
        self.numbers = np.load(folder / "numbers.npy")


def write(
    corpus: Corpus,
    tokenizer: PreTrainedTokenizerFast,
    work: Path,
    *,
    has_patient_data: bool,
    advance: Callable[[int], object],
) -> dict[str, Any]:
    """Fill `work` with the tokens of `corpus`, and return the manifest.

    Goes on after the last whole part of the corpus that an earlier attempt wrote.

    Args:
        has_patient_data: no excerpt is written.
        advance: told the characters of every batch that is done.

    Raises:
        ConfigError: a tokenizer that cannot be learnt from, see `medllm.data.tokenise`.
        DataError: no example can be used.
    """
    if corpus.kind is not Document:
        check_template(tokenizer)
    _forget_other_corpus(work, corpus.content)
    dtype = np.dtype(np.uint16 if len(tokenizer) <= 1 << 16 else np.uint32)
    first = 0
    for part, books in zip(corpus.parts, corpus.manifest["parts"], strict=True):
        if not (work / f"{part}.npz").exists():
            _cut_back(work, dtype)
            _write_part(corpus, part, first, tokenizer, work, dtype, has_patient_data, advance)
        first += books["examples"]
    parts = [np.load(work / f"{part}.npz") for part in corpus.parts]
    lengths, numbers = (
        np.concatenate([part[key] for part in parts]) for key in ("lengths", "numbers")
    )
    np.save(work / "offsets.npy", np.cumsum([0, *lengths], dtype=np.int64))
    np.save(work / "numbers.npy", numbers)
    return _books(corpus, work, lengths, numbers, dtype)


def tokenizer_digest(tokenizer: PreTrainedTokenizerFast) -> str:
    """Eight hex digits of all that decides which ids a text gets."""
    core = json.loads(tokenizer.backend_tokenizer.to_str())
    # These two are the state of the last call, not part of what the tokenizer is.
    del core["padding"], core["truncation"]
    said = [core, tokenizer.chat_template, tokenizer.bos_token, tokenizer.eos_token]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:8]


def starts_character(tokenizer: PreTrainedTokenizerFast) -> np.ndarray:
    """(V,) bool: whether a token's first byte begins a character.

    A byte-level token may be the middle of a Chinese character; a text cut before it would no
    longer be text.
    """
    return np.array(
        [_begins(piece) for piece in tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))]
    )


def _begins(piece: str | None) -> bool:
    if piece is None:
        return True
    if piece.startswith("<0x") and piece.endswith(">"):  # SentencePiece's fallback to bytes
        return int(piece[3:-1], 16) & 0xC0 != 0x80
    # Byte-level BPE writes the bytes 0x80 to 0xBF as these characters.
    return not ("\u0122" <= piece[0] <= "\u0143" or "\u00a1" <= piece[0] <= "\u00bf")


def _write_part(
    corpus: Corpus,
    part: str,
    first: int,
    tokenizer: PreTrainedTokenizerFast,
    work: Path,
    dtype: np.dtype,
    has_patient_data: bool,
    advance: Callable[[int], object],
) -> None:
    lengths: list[int] = []
    numbers: list[int] = []
    rejected: list[LeftOut] = []
    number = first
    with open(work / "ids.bin", "ab") as ids, open(work / "learnt.bin", "ab") as learnt:
        for batch, size in _batches(corpus.part(part)):
            kept: list[Tokens] = []
            for example, made in zip(batch, tokenise_all(batch, tokenizer), strict=True):
                if isinstance(made, DataError):
                    excerpt = "" if has_patient_data else text_of(example)[:EXCERPT]
                    file, line = corpus.where(number)
                    rejected.append(LeftOut(file, line, example.id, "tokenise", str(made), excerpt))
                else:
                    kept += made
                    numbers += [number] * len(made)
                number += 1
            lengths += [len(tokens.ids) for tokens in kept]
            if kept:
                np.concatenate([tokens.ids for tokens in kept]).astype(dtype).tofile(ids)
                np.concatenate([_spoken(tokens) for tokens in kept]).tofile(learnt)
            advance(size)
    left_out.write(work / f"{part}.left_out.jsonl", rejected)
    beside = work / f".{part}.npz"
    with open(beside, "wb") as file:
        np.savez(
            file,
            lengths=np.array(lengths, dtype=np.int64),
            numbers=np.array(numbers, dtype=np.int64),
        )
    beside.rename(work / f"{part}.npz")  # the part counts from here on


def _spoken(tokens: Tokens) -> np.ndarray:
    """(T,) uint8: 1 where the token is the target of the one before."""
    learnt = np.zeros(len(tokens.ids), dtype=np.uint8)
    learnt[1:] = tokens.targets[:-1] != IGNORE
    return learnt


def _cut_back(work: Path, dtype: np.dtype) -> None:
    """Undo what a killed attempt wrote of a part that it did not finish."""
    done = sum(int(np.load(file)["lengths"].sum()) for file in work.glob("[0-9]*.npz"))
    for name, size in (("ids.bin", dtype.itemsize), ("learnt.bin", 1)):
        (work / name).touch()
        with open(work / name, "r+b") as file:
            file.truncate(done * size)


def _forget_other_corpus(work: Path, content: str) -> None:
    note = work / "corpus"
    if note.exists() and note.read_text(encoding="utf-8") == content:
        return
    for file in work.iterdir():
        file.unlink()
    folders.write(note, content)


def _books(
    corpus: Corpus, work: Path, lengths: np.ndarray, numbers: np.ndarray, dtype: np.dtype
) -> dict[str, Any]:
    """The manifest, once everything is written; the parts' own books go into it."""
    rejected = [
        entry for part in corpus.parts for entry in left_out.read(work / f"{part}.left_out.jsonl")
    ]
    if not len(lengths):
        raise DataError(
            f"no example in {corpus.folder} can be learnt: {len(rejected)} left out; "
            f"the first, {rejected[0].file}:{rejected[0].line}: {rejected[0].reason}"
        )
    left_out.write(work / "left_out.jsonl", rejected)
    for part in corpus.parts:
        (work / f"{part}.left_out.jsonl").unlink()
        (work / f"{part}.npz").unlink()
    return {
        "corpus": corpus.content,
        "pairs": corpus.kind is Preference,
        "dtype": dtype.name,
        "examples": len(np.unique(numbers)),
        "sequences": len(lengths),
        "tokens": int(lengths.sum()),
        "left_out": left_out.counts(rejected),
    }


def _batches(examples: Iterable[Example]) -> Iterator[tuple[list[Example], int]]:
    """Examples of about `TOGETHER` characters at a time, and how many those are."""
    batch, size = [], 0
    for example in examples:
        batch.append(example)
        size += len(text_of(example))
        if size >= TOGETHER:
            yield batch, size
            batch, size = [], 0
    if batch:
        yield batch, size
