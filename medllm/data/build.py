"""A source into its store, unless a good one is there already.

    source.examples -> tokenise -> pack -> *.bin in a folder beside -> manifest -> rename

The folder gets its name only when everything is in it, so a build that is killed leaves
nothing that could be mistaken for a store.
"""

import functools
import hashlib
import json
import logging
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from typing import Literal

import numpy as np
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from transformers import PreTrainedTokenizerFast

from medllm.data import pack
from medllm.data.reading import Packing, Reading
from medllm.data.source.read import Source
from medllm.data.store import ARRAYS, VERSION, Store, fault, fingerprints
from medllm.errors import DataError
from medllm.types import IGNORE, Preference, Tokens

log = logging.getLogger(__name__)


def build_or_open(
    source: Source,
    *,
    name: str,
    tokenizer: PreTrainedTokenizerFast,
    seq_len: int,
    packing: Packing,
    unit: Literal["row", "example"],
    folder: Path,
    progress: bool,
) -> Store:
    """The store of a source, made where it is missing, damaged or older than its files.

    Args:
        source: read only if there is something to build.
        name: of the source in its mixture.
        tokenizer: its whole content and chat template enter the store's digest.
        seq_len: tokens of the longest row.
        packing: see `medllm.data.pack`.
        unit: "example" stores examples one by one: they are packed after mixing.
        folder: of all stores.
        progress: show a line that counts.
    """
    packing = "none" if unit == "example" else packing
    made_of = {
        "source": {field.name: _described(getattr(source, field.name)) for field in fields(source)},
        "tokenizer": tokenizer_digest(tokenizer),
        "seq_len": seq_len,
        "packing": packing,
    }
    at = folder / f"{name}-{_digest(made_of)}"
    if at.exists() and (why := fault(at, source.paths())):
        log.warning("rebuilding the store %s: %s", at, why)
    elif at.exists():
        return Store(at)
    beside = folder / f".{at.name}-{uuid.uuid4().hex[:8]}"
    beside.mkdir(parents=True)
    try:
        _write(source, beside, made_of, tokenizer, name if progress else "")
        if not at.exists() or fault(at, source.paths()):  # else another process was faster
            shutil.rmtree(at, ignore_errors=True)
            beside.rename(at)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return Store(at)


def tokenizer_digest(tokenizer: PreTrainedTokenizerFast) -> str:
    """Eight hex digits of all that decides which ids a text gets."""
    core = json.loads(tokenizer.backend_tokenizer.to_str())
    # These two are the state of the last call, not part of what the tokenizer is.
    del core["padding"], core["truncation"]
    return _digest([core, tokenizer.chat_template, tokenizer.bos_token, tokenizer.eos_token])


def _write(
    source: Source, at: Path, made_of: Mapping, tokenizer: PreTrainedTokenizerFast, title: str
) -> None:
    seq_len, packing = made_of["seq_len"], made_of["packing"]
    files = fingerprints(source.paths())  # before reading: a change meanwhile must show
    reading = Reading(source, tokenizer, seq_len=seq_len, packing=packing)
    lengths, learnt = _write_rows(_packed(_counted(reading, title), packing, seq_len), at)
    if not lengths:
        raise _no_row(source, reading)
    np.save(at / "offsets.npy", np.concatenate([[0], np.cumsum(lengths)]))
    np.save(at / "learnt.npy", np.array(learnt, dtype=np.int64))
    reading.quarantine.write(at / "quarantine.jsonl")
    manifest = {
        "version": VERSION,
        **made_of,
        "files": files,
        "pairs": reading.kind is Preference,
        "examples": reading.examples,
        "quarantined": len(reading.quarantine),
        "truncated": reading.truncated,
        "entries": len(lengths),
        "tokens": sum(lengths),
        "learnt": sum(learnt),
        "dropped_tail_tokens": reading.tokens - sum(lengths) if packing == "cut" else 0,
        "bytes": {array: (at / array).stat().st_size for array in ARRAYS},
    }
    (at / "manifest.json").write_text(json.dumps(manifest, indent=1))
    log.info(
        "%s: %d examples, %d of them cut at seq_len=%d, %d quarantined",
        *(source.files, reading.examples, reading.truncated, seq_len, len(reading.quarantine)),
    )


def _packed(tokens: Iterable[Tokens], packing: Packing, seq_len: int) -> Iterator[pack.Row]:
    if packing == "cut":
        return pack.cut(tokens, seq_len=seq_len)
    if packing == "whole":
        return pack.whole(list(tokens), seq_len=seq_len)
    return pack.none(tokens, seq_len=seq_len)


def _write_rows(rows: Iterable[pack.Row], at: Path) -> tuple[list[int], list[int]]:
    """Lengths and numbers of learnt targets of the rows written."""
    lengths, learnt = [], []
    with ExitStack() as stack:
        files = [stack.enter_context(open(at / array, "wb")) for array in ARRAYS[:3]]
        for row in rows:
            for array, file in zip(row, files, strict=True):
                array.astype(np.int32, copy=False).tofile(file)
            lengths.append(len(row.ids))
            learnt.append(int((row.targets != IGNORE).sum()))
    return lengths, learnt


def _counted(tokens: Iterable[Tokens], title: str) -> Iterator[Tokens]:
    """The same, with a running count under `title`; none shown where it is ""."""
    columns = (SpinnerColumn(), TextColumn("{task.description}: {task.completed:,.0f} sequences"))
    console = Console(stderr=True)
    with Progress(
        *columns, TimeElapsedColumn(), console=console, disable=not (title and console.is_terminal)
    ) as progress:
        yield from progress.track(tokens, total=None, description=title)


def _no_row(source: Source, reading: Reading) -> DataError:
    if reading.examples:
        return DataError(
            f"the {reading.tokens} tokens of '{source.files}' do not fill one row of "
            f"seq_len={reading.seq_len}; use a shorter data.seq_len or packing=whole"
        )
    first = reading.quarantine.rejected[0]
    return DataError(
        f"no example in '{source.files}' can be learnt: {len(reading.quarantine)} quarantined; "
        f"the first, {first.file}:{first.line}: {first.reason}"
    )


def _described(value: object) -> object:
    """What JSON can hold of a value: functions by name, partials with their arguments."""
    if isinstance(value, functools.partial):
        return {"call": _described(value.func), "with": _described(value.keywords)}
    if isinstance(value, Mapping):
        return {str(key): _described(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_described(inner) for inner in value]
    return f"{value.__module__}.{value.__qualname__}" if callable(value) else value


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:8]
