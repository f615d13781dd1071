"""What each step of `medllm.data.removal` finds: arrays by source, and a report for people."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medllm.data.contamination import report
from medllm.data.corpus import Texts
from medllm.data.sources import Found, Sources
from medllm.data.tokens import TokenStore
from medllm.types import Question

if TYPE_CHECKING:  # compiled code and searching are needed only where a mixture asks for them
    from medllm.data.contamination.gate import Contamination
    from medllm.data.dedup.exact import Exact
    from medllm.data.dedup.near import Near

SHOWN = 20  # groups of near-duplicates that a report names


def leaks(
    alone: Sources,
    how: "Contamination",
    asked: Mapping[str, Sequence[Question]],
    name: str,
    work: Path,
) -> Found:
    corpus, preparation = alone.corpora[name], alone.preparation
    matches = how.matches(
        Texts([corpus]), asked, workers=preparation.processes, memory=preparation.bytes
    )
    dropped = how.dropped(matches)
    drop = np.zeros(len(corpus), dtype=bool)
    drop[list(dropped)] = True
    ids = {match.example: corpus.example(match.example).id for match in matches}
    return {name: drop}, report.of_source(matches, asked, ids=ids, dropped=dropped)


def alike(sources: Sources, how: "Near", tokens: Mapping[str, TokenStore], work: Path) -> Found:
    left = [
        numbers[np.isin(numbers, store.numbers)]
        for numbers, store in zip(sources.left(), tokens.values(), strict=True)
    ]
    texts = Texts(list(sources.corpora.values()), left)
    preparation = sources.preparation
    kept = how.components(texts, workers=preparation.processes, memory=preparation.bytes)
    arrays = _by_source(sources, left, kept != np.arange(len(texts)))
    groups, sizes = np.unique(kept, return_counts=True)
    largest = np.argsort(-sizes, kind="stable")[:SHOWN]
    return arrays, {
        "examples": len(texts),
        "dropped": {name: int(drop.sum()) for name, drop in arrays.items()},
        "largest_groups": [
            {"size": int(sizes[n]), "kept": sources.id(*texts.place(int(groups[n])))}
            for n in largest
            if sizes[n] > 1
        ],
    }


def twice(
    sources: Sources,
    how: "Exact",
    tokens: Mapping[str, TokenStore],
    starts_character: np.ndarray,
    work: Path,
) -> Found:
    stays = {name: ~sources.removed[name].examples[store.numbers] for name, store in tokens.items()}
    streams = {
        name: _without(store, stays[name], work / f"{name}.ids") for name, store in tokens.items()
    }
    found = how.find(
        list(streams.values()),
        starts_character=starts_character,
        memory=sources.preparation.bytes,
    )
    arrays = {}
    for (name, (_, offsets)), spans in zip(streams.items(), found.spans, strict=True):
        document = np.searchsorted(offsets, spans[:, 0], side="right") - 1
        moved = tokens[name].offsets[:-1][stays[name]] - offsets[:-1]
        arrays[name] = spans + moved[document][:, None]
        (work / f"{name}.ids").unlink(missing_ok=True)
    counts = ("windows", "repeated", "removed")
    return arrays, {
        **{
            count: dict(zip(tokens, getattr(found, count).tolist(), strict=True))
            for count in counts
        },
        "collisions": found.collisions,
        "sweeps": found.sweeps,
    }


def _without(store: TokenStore, stays: np.ndarray, file: Path) -> tuple[np.ndarray, np.ndarray]:
    """The sequences that stay, end to end, and their offsets; where some go, by way of `file`."""
    if stays.all():
        return store.ids, store.offsets
    lengths = np.diff(store.offsets)[stays]
    with open(file, "wb") as ids:
        for number in np.flatnonzero(stays):
            store.ids[store.offsets[number] : store.offsets[number + 1]].tofile(ids)
    kept = np.asarray(np.memmap(file, store.ids.dtype, mode="r"))
    return kept, np.cumsum([0, *lengths], dtype=np.int64)


def _by_source(
    sources: Sources, left: Sequence[np.ndarray], goes: np.ndarray
) -> dict[str, np.ndarray]:
    """`goes`, of the texts that were left, as a mask over all examples of each source."""
    arrays, start = {}, 0
    for (name, corpus), numbers in zip(sources.corpora.items(), left, strict=True):
        arrays[name] = np.zeros(len(corpus), dtype=bool)
        arrays[name][numbers] = goes[start : start + len(numbers)]
        start += len(numbers)
    return arrays
