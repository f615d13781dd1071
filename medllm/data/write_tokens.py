"""A corpus into tokens, part by part, so that a kill costs no more than one.

<part>.ids <part>.learnt <part>.npz      the last to come, and the part counts with it
ids.bin learnt.bin offsets.npy ...       all of them joined, see `medllm.data.tokens`
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
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
JOINED = {"ids": "ids.bin", "learnt": "learnt.bin", "left_out.jsonl": "left_out.jsonl"}
Advance = Callable[[int], object]


def write(
    corpus: Corpus,
    tokenizer: PreTrainedTokenizerFast,
    work: Path,
    *,
    has_patient_data: bool,
    advance: Advance,
) -> dict[str, Any]:
    """Fill `work` with the tokens of `corpus`, and return the manifest.

    Parts that an earlier attempt or another machine has written are taken as they are.

    Args:
        has_patient_data: no excerpt is written.
        advance: told the characters of every batch that is done.

    Raises:
        ConfigError: a tokenizer that cannot be learnt from, see `medllm.data.tokenise`.
        DataError: no example can be used.
    """
    forget_other_corpus(work, corpus)
    write_parts(
        corpus,
        corpus.parts,
        tokenizer,
        work,
        has_patient_data=has_patient_data,
        advance=advance,
    )
    return _joined(corpus, work, _dtype(tokenizer))


def write_parts(
    corpus: Corpus,
    parts: Iterable[str],
    tokenizer: PreTrainedTokenizerFast,
    work: Path,
    *,
    has_patient_data: bool,
    advance: Advance,
) -> None:
    """Those of `parts` that are not in `work` yet. Arguments and errors as of `write`."""
    if corpus.kind is not Document:
        check_template(tokenizer)
    for part in parts:
        with folders.only_one(work.with_name(f"{work.name}-{part}")):
            # Another machine may have written it meanwhile, or have finished them all.
            if work.exists() and not (work / f"{part}.npz").exists():
                _write_part(corpus, part, tokenizer, work, has_patient_data, advance)


def forget_other_corpus(work: Path, corpus: Corpus) -> None:
    """Start anew where an earlier attempt read another corpus."""
    note = work / "corpus"
    if note.exists() and note.read_text(encoding="utf-8") == corpus.content:
        return
    for file in work.iterdir():
        file.unlink()
    folders.write(note, corpus.content)


def _dtype(tokenizer: PreTrainedTokenizerFast) -> np.dtype:
    return np.dtype(np.uint16 if len(tokenizer) <= 1 << 16 else np.uint32)


def _write_part(
    corpus: Corpus,
    part: str,
    tokenizer: PreTrainedTokenizerFast,
    work: Path,
    has_patient_data: bool,
    advance: Advance,
) -> None:
    number, dtype = corpus.first(part), _dtype(tokenizer)
    lengths: list[int] = []
    numbers: list[int] = []
    rejected: list[LeftOut] = []
    with open(work / f"{part}.ids", "wb") as ids, open(work / f"{part}.learnt", "wb") as learnt:
        for batch, size in _batches(corpus.part(part)):
            kept: list[Tokens] = []
            for example, made in zip(batch, tokenise_all(batch, tokenizer), strict=True):
                if isinstance(made, DataError):
                    excerpt = "" if has_patient_data else text_of(example)[:EXCERPT]
                    where = corpus.where(number)
                    rejected.append(LeftOut(*where, example.id, "tokenise", str(made), excerpt))
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
    _write_books(work / f"{part}.npz", lengths=lengths, numbers=numbers)


def _write_books(file: Path, **books: list[int]) -> None:
    beside = file.with_name(f".{file.name}")
    with open(beside, "wb") as out:
        arrays: Mapping[str, Any] = {k: np.array(v, dtype=np.int64) for k, v in books.items()}
        np.savez(out, **arrays)
    beside.rename(file)


def _spoken(tokens: Tokens) -> np.ndarray:
    """(T,) uint8: 1 where the token is the target of the one before."""
    learnt = np.zeros(len(tokens.ids), dtype=np.uint8)
    learnt[1:] = tokens.targets[:-1] != IGNORE
    return learnt


def _joined(corpus: Corpus, work: Path, dtype: np.dtype) -> dict[str, Any]:
    """The manifest, once all parts are one; the parts are deleted."""
    books = [np.load(work / f"{part}.npz") for part in corpus.parts]
    lengths = np.concatenate([each["lengths"] for each in books])
    numbers = np.concatenate([each["numbers"] for each in books])
    for ending, name in JOINED.items():
        with open(work / name, "wb") as whole:
            for part in corpus.parts:
                with open(work / f"{part}.{ending}", "rb") as piece:
                    shutil.copyfileobj(piece, whole, 1 << 20)
    rejected = left_out.counts(left_out.read(work / "left_out.jsonl"))
    if not len(lengths):
        first = next(left_out.read(work / "left_out.jsonl"))
        raise DataError(
            f"no example in {corpus.folder} can be learnt: {left_out.number(rejected)} left out; "
            f"the first, {first.file}:{first.line}: {first.reason}"
        )
    np.save(work / "offsets.npy", np.cumsum([0, *lengths], dtype=np.int64))
    np.save(work / "numbers.npy", numbers)
    for ending in ("npz", "ids", "learnt", "left_out.jsonl"):  # first what makes a part count
        for part in corpus.parts:
            (work / f"{part}.{ending}").unlink()
    return {
        "corpus": corpus.content,
        "pairs": corpus.kind is Preference,
        "text": corpus.kind is Document,
        "dtype": dtype.name,
        "examples": len(np.unique(numbers)),
        "sequences": len(lengths),
        "tokens": int(lengths.sum()),
        "left_out": rejected,
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
