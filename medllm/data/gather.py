"""A source into a corpus: read, cleaned and counted, by several processes, in order.

    record -> to_example -> alter -> keep -> deidentify -> a line of the corpus
                  what does not come through -> left_out.jsonl, with file, line, step, reason

The reader hands out batches and writes what comes back in the order of the files, so the
corpus does not depend on the number of workers. What is written is a part; a gathering that
was killed goes on after the last whole one.
"""

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from medllm.data import folder as folders
from medllm.data import left_out
from medllm.data.cleaning import Entry, Made, cleaned
from medllm.data.fingerprint import fingerprints
from medllm.data.source.read import Source
from medllm.errors import DataError

BATCH = 1 << 20  # characters of raw records that a worker takes at once
PART = 1 << 25  # bytes of examples that a part holds: what a kill can cost


class Batch(NamedTuple):
    records: list[Entry]
    size: int


def gather(
    source: Source, work: Path, *, workers: Executor | None, advance: Callable[[int], object]
) -> dict[str, Any]:
    """Fill `work` with the corpus of `source`, and return its manifest.

    Args:
        workers: processes that clean; None for this one.
        advance: told the characters of every batch that is done.

    Raises:
        DataError: no example, examples of two kinds, or exam questions; see `Source.made`.
    """
    prints = begin(source, work)
    parts: list[dict[str, Any]] = []
    for number, file in enumerate(source.paths()):
        if not _is_full(parts, source.limit):
            parts += _parts(source, file, number, parts, work, workers, advance)
    counted: dict[str, dict[str, int]] = {}
    for part in parts:
        left_out.add(counted, part["left_out"])
    kind = _kind(source, parts, work)
    return {
        "kind": kind,
        "files": prints,
        "parts": [{key: part[key] for key in ("name", "examples", "records")} for part in parts],
        "examples": sum(part["examples"] for part in parts),
        "records": sum(part["records"] for part in parts),
        "left_out": counted,
        "deidentified": sum(part["deidentified"] for part in parts),
        "characters": sum(part["characters"] for part in parts),
        "content": _digest([part["content"] for part in parts]),
    }


def gather_share(source: Source, work: Path, *, rank: int, world: int) -> None:
    """The parts of every `world`-th file, for a machine among others; `gather` takes them up.

    A limit counts over all files, so a source that has one is left to `gather` alone.

    Args:
        work: where `begin` has been.
        rank: of this machine, from 0.
        world: number of machines.
    """
    if source.limit is None:
        for number, file in list(enumerate(source.paths()))[rank::world]:
            with folders.only_one(work.with_name(f"{work.name}-{number}")):
                if work.exists():  # else other tasks have finished all of it meanwhile
                    _parts(source, file, number, [], work, None, lambda characters: None)


def begin(source: Source, work: Path) -> dict[str, dict[str, object]]:
    """Forget what an earlier attempt read of other files; fingerprints of those of now."""
    prints = fingerprints(source.paths())
    content = json.dumps([[name, each["sha256"]] for name, each in prints.items()])
    note = work / "files"
    if not note.exists() or note.read_text(encoding="utf-8") != content:
        for file in work.iterdir():
            file.unlink()
        folders.write(note, content)
    return prints


def _parts(
    source: Source,
    file: Path,
    number: int,
    before: Sequence[Mapping],
    work: Path,
    workers: Executor | None,
    advance: Callable[[int], object],
) -> list[dict[str, Any]]:
    """Every part of one file, those that are there already included."""
    parts = _finished(work, number)
    if parts and parts[-1]["last"]:
        return parts
    read = sum(part["records"] for part in parts)
    left = None
    if source.limit is not None:
        left = source.limit - sum(part["records"] for part in before)
    records = islice(source.records(file), read, left)
    results = _in_order(_batches(records), workers, source, file)
    while not parts or not parts[-1]["last"]:
        name = f"{number:05d}-{len(parts):05d}"
        parts.append(_write_part(work, name, results, advance))
    return parts


def _write_part(
    work: Path, name: str, results: Iterator[tuple[Made, int]], advance: Callable[[int], object]
) -> dict[str, Any]:
    """The next part; its books are written last, and it counts only with them."""
    hashed, starts, dropped = hashlib.blake2b(digest_size=16), [0], []
    records, read, characters, kinds, is_last, audit = 0, 0, 0, set(), True, list[str]()
    with open(work / f"{name}.jsonl", "wb") as lines:
        for made, size in results:
            for line in made.lines:
                lines.write(line)
                hashed.update(line)
                starts.append(starts[-1] + len(line))
            dropped += made.left_out
            audit += made.audit
            records, kinds = records + made.records, kinds | made.kinds
            characters += made.characters
            advance(size)
            read += size
            if starts[-1] >= PART or read >= 4 * PART:  # of a corpus of which little is kept
                is_last = False
                break
    np.save(work / f"{name}.npy", np.array(starts, dtype=np.int64))
    left_out.write(work / f"{name}.left_out.jsonl", dropped)
    if audit:
        folders.write(work / f"{name}.audit.jsonl", "".join(f"{line}\n" for line in audit))
    books = {
        "name": name,
        "records": records,
        "examples": len(starts) - 1,
        "kinds": sorted(kinds),
        "left_out": left_out.counts(dropped),
        "deidentified": len(audit),
        "characters": characters,
        "content": hashed.hexdigest(),
        "last": is_last,
    }
    folders.write(work / f"{name}.json", json.dumps(books, ensure_ascii=False))
    return books


def _in_order(
    batches: Iterable[Batch], workers: Executor | None, source: Source, file: Path
) -> Iterator[tuple[Made, int]]:
    """What each batch gives and its size, while a few more are under way."""
    if workers is None:
        for batch in batches:
            yield cleaned(source, batch.records, file), batch.size
        return
    ahead = 2 * getattr(workers, "_max_workers", 2)
    waiting: deque[tuple[Future[Made], int]] = deque()
    for batch in batches:
        waiting.append((workers.submit(cleaned, source, batch.records, file), batch.size))
        if len(waiting) > ahead:
            future, size = waiting.popleft()
            yield future.result(), size
    for future, size in waiting:
        yield future.result(), size


def _batches(records: Iterable[Entry]) -> Iterator[Batch]:
    batch, size = [], 0
    for entry in records:
        batch.append(entry)
        size += _characters(entry[1])
        if size >= BATCH:
            yield Batch(batch, size)
            batch, size = [], 0
    if batch:
        yield Batch(batch, size)


def _characters(value: object) -> int:
    """About as many as the raw record has."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(map(_characters, value.values())) + 8 * len(value)
    if isinstance(value, Sequence):
        return sum(map(_characters, value))
    return 8


def _finished(work: Path, number: int) -> list[dict[str, Any]]:
    found = sorted(work.glob(f"{number:05d}-*.json"))
    return [json.loads(file.read_text(encoding="utf-8")) for file in found]


def _is_full(parts: Sequence[Mapping], limit: int | None) -> bool:
    return limit is not None and sum(part["records"] for part in parts) >= limit


def _kind(source: Source, parts: Sequence[Mapping], work: Path) -> str:
    kinds = sorted({kind for part in parts for kind in part["kinds"]})
    if len(kinds) == 1:
        return kinds[0]
    if kinds:
        raise DataError(
            f"'{source.files}' gives examples of {len(kinds)} kinds, {' and '.join(kinds)}; "
            "make one source of each"
        )
    records = sum(part["records"] for part in parts)
    dropped = sum(left_out.number(part["left_out"]) for part in parts)
    message = f"no example in '{source.files}': {records} records read, {dropped} left out"
    for part in parts:
        for first in left_out.read(work / f"{part['name']}.left_out.jsonl"):
            raise DataError(f"{message}; the first, {first.file}:{first.line}: {first.reason}")
    raise DataError(message)


def _digest(contents: Sequence[str]) -> str:
    return hashlib.blake2b("".join(contents).encode(), digest_size=16).hexdigest()
