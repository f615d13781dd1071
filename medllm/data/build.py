"""The store of a source, made where there is no good one.

    source -> corpora/<name>-<digest> -> tokens/<name>-<digest> -> rows/<name>-<digest>
              text, for any tokenizer    ids, for any packing      a plan, for one mixture

Each folder says what it was made of, so that what is there already is made only once.
"""

import functools
import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerFast

from medllm.data import folder as folders
from medllm.data import gather, left_out, rows, write_tokens
from medllm.data.corpus import Corpus
from medllm.data.fingerprint import changed
from medllm.data.pack import Packing
from medllm.data.preparation import Preparation
from medllm.data.progress import Progress
from medllm.data.source.read import Source
from medllm.data.store import Store
from medllm.data.tokens import TokenStore, tokenizer_digest

log = logging.getLogger(__name__)

VERSION = 5  # raise it when the same files would be stored differently


def corpus_of(
    source: Source, *, name: str, folder: Path, preparation: Preparation, progress: Progress
) -> Corpus:
    """The examples of a source; gathered again where its files have changed.

    Args:
        name: of the source in its mixture.
        folder: of all stores.

    Raises:
        DataError: see `medllm.data.gather.gather`.
    """
    at = corpus_folder(source, name=name, folder=folder)
    paths = source.paths()
    size = sum(path.stat().st_size for path in paths)

    def make(work: Path) -> Mapping[str, Any]:
        with preparation.pool(size) as workers, progress.of(f"{name}: reading") as advance:
            return {
                "source": _parts_of(source),
                **gather.gather(source, work, workers=workers, advance=advance),
            }

    folders.made(
        at, version=VERSION, make=make, stale=lambda manifest: changed(manifest["files"], paths)
    )
    return Corpus(at)


def tokens_of(
    corpus: Corpus,
    tokenizer: PreTrainedTokenizerFast,
    *,
    name: str,
    folder: Path,
    has_patient_data: bool,
    progress: Progress,
) -> TokenStore:
    """The corpus as tokens.

    Raises:
        ConfigError, DataError: see `medllm.data.write_tokens.write`.
    """
    at = tokens_folder(
        corpus, tokenizer, name=name, folder=folder, has_patient_data=has_patient_data
    )

    def make(work: Path) -> Mapping[str, Any]:
        with progress.of(f"{name}: tokenising", corpus.manifest["characters"]) as advance:
            return {
                "tokenizer": tokenizer_digest(tokenizer),
                **write_tokens.write(
                    corpus, tokenizer, work, has_patient_data=has_patient_data, advance=advance
                ),
            }

    folders.made(at, version=VERSION, make=make)
    return TokenStore(at)


def rows_of(
    corpus: Corpus,
    stored: TokenStore,
    *,
    name: str,
    folder: Path,
    seq_len: int,
    packing: Packing,
    removed: rows.Removed,
) -> Store:
    """The plan of a source's rows, and with it all that was counted on the way.

    Raises:
        ConfigError, DataError: see `medllm.data.rows.write`.
    """
    made_of = {
        "corpus_folder": corpus.folder.name,
        "tokens_folder": stored.folder.name,
        "seq_len": seq_len,
        "packing": packing,
        "removals": list(removed.names),
    }
    at = folder / "rows" / f"{name}-{digest(made_of)}"

    def make(work: Path) -> Mapping[str, Any]:
        plan = rows.write(stored, corpus, work, seq_len=seq_len, packing=packing, removed=removed)
        account = _account(corpus, stored, plan)
        log.info(
            "%s: %d examples, %d of them cut at seq_len=%d, %d quarantined",
            *(name, account["examples"], account["truncated"], seq_len, account["quarantined"]),
        )
        return {**made_of, **account}

    folders.made(at, version=VERSION, make=make)
    return Store(at)


def corpus_folder(source: Source, *, name: str, folder: Path) -> Path:
    return folder / "corpora" / f"{name}-{digest(_parts_of(source))}"


def tokens_folder(
    corpus: Corpus,
    tokenizer: PreTrainedTokenizerFast,
    *,
    name: str,
    folder: Path,
    has_patient_data: bool,
) -> Path:
    made_of = {
        "corpus": corpus.content,
        "tokenizer": tokenizer_digest(tokenizer),
        "has_patient_data": has_patient_data,  # decides what may be quoted beside them
    }
    return folder / "tokens" / f"{name}-{digest(made_of)}"


def digest(value: object) -> str:
    """Eight hex digits."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:8]


def _account(corpus: Corpus, stored: TokenStore, plan: Mapping[str, Any]) -> dict[str, Any]:
    """`plan` with what was left out at every step before it."""
    counted: dict[str, dict[str, int]] = {}
    for each in (corpus.manifest, stored.manifest, plan):
        left_out.add(counted, each["left_out"])
    return {
        **plan,
        "left_out": counted,
        "corpus": corpus.content,
        "source": corpus.manifest["source"],
        "files": corpus.manifest["files"],
        "tokenizer": stored.manifest["tokenizer"],
        "pairs": stored.is_pairs,
        "records": corpus.manifest["records"],
        "examples": stored.manifest["examples"]
        - plan["removed"]["examples"]
        - left_out.number(plan["left_out"], "pack"),
        "quarantined": left_out.number(counted, "read", "tokenise", "pack"),
    }


def _parts_of(source: Source) -> dict[str, object]:
    """All that decides which examples a source gives."""
    return {field.name: _described(getattr(source, field.name)) for field in fields(source)}


def _described(value: object) -> object:
    """What JSON can hold of a value: functions by name, partials and objects with arguments."""
    if isinstance(value, functools.partial):
        return {"call": _described(value.func), "with": _described(value.keywords)}
    if isinstance(value, Mapping):
        return {str(key): _described(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_described(inner) for inner in value]
    if callable(value):
        return f"{value.__module__}.{value.__qualname__}"  # type: ignore[attr-defined]
    if hasattr(value, "__dataclass_fields__"):
        kept = {f.name: _described(getattr(value, f.name)) for f in fields(value)}  # type: ignore[arg-type]
        return {"class": f"{type(value).__module__}.{type(value).__qualname__}", **kept}
    return value
