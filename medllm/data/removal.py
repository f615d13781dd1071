"""What a mixture leaves out of its sources, each step among what the step before it left.

    contamination   examples that give a benchmark's questions away       text, source by source
    near            all but one of examples that are nearly the same      text, over all sources
    exact           all but one of the stretches that stand twice         ids, over all sources

    <stores>/removals/<step>-<digest>/   <source>.npy, <step>.json: what and why, manifest.json

Nothing is deleted: a removal is a list of what the plan of the rows leaves out.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medllm.data import folder as folders
from medllm.data.build import VERSION, digest
from medllm.data.contamination import report
from medllm.data.corpus import Corpus, Texts
from medllm.data.preparation import Preparation
from medllm.data.progress import Progress
from medllm.data.rows import Removed
from medllm.data.tokens import TokenStore
from medllm.errors import ConfigError
from medllm.types import Document, Question

if TYPE_CHECKING:  # compiled code and searching are needed only where a mixture asks for them
    from medllm.data.contamination.gate import Contamination
    from medllm.data.dedup.exact import Exact
    from medllm.data.dedup.near import Near

SHOWN = 20  # groups of near-duplicates that a report names
Found = tuple[Mapping[str, np.ndarray], Mapping[str, Any]]  # arrays by name, and the report


@dataclass(frozen=True, kw_only=True)
class Sources:
    """The sources of a mixture, and what is left out of each so far."""

    corpora: Mapping[str, Corpus]
    folder: Path
    preparation: Preparation
    progress: Progress
    removed: Mapping[str, Removed] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.removed:
            object.__setattr__(self, "removed", {n: nothing(c) for n, c in self.corpora.items()})

    def left(self) -> list[np.ndarray]:
        """Of each source the numbers of the examples that stay."""
        return [np.flatnonzero(~removed.examples) for removed in self.removed.values()]

    def id(self, which: int, number: int) -> str:
        """Of one example, with its source."""
        name = list(self.corpora)[which]
        return f"{name}: {self.corpora[name].example(number).id}"

    def made_of(self, how: object) -> dict[str, Any]:
        """What decides the outcome of the next step."""
        return {
            "how": _described(how),
            "sources": [[name, corpus.content] for name, corpus in self.corpora.items()],
            "before": [list(removed.names) for removed in self.removed.values()],
        }

    def without(self, name: str, goes: Mapping[str, np.ndarray], reason: str) -> "Sources":
        """The same, less the examples that `goes` marks.

        Args:
            name: folder of the step that found them.
            goes: (N,) bool of each source, none of them gone before.
            reason: the same for all.
        """
        step = name.rpartition("-")[0]
        after = {
            source: replace(
                before,
                names=(*before.names, name),
                counts={**before.counts, step: {reason: int(goes[source].sum())}}
                if goes[source].any()
                else before.counts,
                examples=before.examples | goes[source],
            )
            for source, before in self.removed.items()
        }
        return replace(self, removed=after)

    def step(
        self, name: str, made_of: Mapping[str, Any], find: Callable[[Path], Found]
    ) -> tuple[str, dict[str, np.ndarray]]:
        """Folder of a step and its arrays, found now where they are not there yet."""
        at = self.folder / "removals" / f"{name}-{digest(made_of)}"

        def make(work: Path) -> Mapping[str, Any]:
            with self.progress.of(f"{', '.join(self.corpora)}: {name}"):
                arrays, found = find(work)
            for source, array in arrays.items():
                np.save(work / f"{source}.npy", array)
            text = json.dumps(found, indent=1, ensure_ascii=False)
            folders.write(work / f"{name}.json", text)
            return made_of

        folders.made(at, version=VERSION, make=make)
        return at.name, {source: np.load(at / f"{source}.npy") for source in self.corpora}


def nothing(corpus: Corpus) -> Removed:
    return Removed((), {}, np.zeros(len(corpus), dtype=bool), np.empty((0, 2), dtype=np.int64))


def contaminated(
    sources: Sources, how: "Contamination", questions: Mapping[str, Sequence[Question]]
) -> Sources:
    """Leave out what gives a benchmark away; each source on its own, so that mixtures share it.

    Raises:
        ConfigError: a benchmark whose questions are not given.
    """
    if missing := [name for name in how.benchmarks if name not in questions]:
        raise ConfigError([f"data.contamination.benchmarks: no questions of {', '.join(missing)}"])
    asked = {name: questions[name] for name in how.benchmarks}
    after: dict[str, Removed] = {}
    for name, corpus in sources.corpora.items():
        alone = replace(sources, corpora={name: corpus}, removed={name: sources.removed[name]})
        made_of = alone.made_of(how) | {
            "questions": {k: digest([asdict(q) for q in v]) for k, v in asked.items()}
        }
        find = partial(_leaks, alone, how, asked, name)
        folder, arrays = alone.step("contamination", made_of, find)
        after |= alone.without(folder, arrays, "gives away what a benchmark asks").removed
    return replace(sources, removed=after)


def _leaks(
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


def nearly_the_same(sources: Sources, how: "Near") -> Sources:
    """Leave out all but one of each group of near-duplicates."""
    folder, arrays = sources.step("near", sources.made_of(how), partial(_alike, sources, how))
    return sources.without(folder, arrays, "nearly the same as one that stays")


def repeated(
    sources: Sources,
    how: "Exact",
    tokens: Mapping[str, TokenStore],
    starts_character: np.ndarray,
) -> Sources:
    """Leave out the stretches that stand more than once.

    Raises:
        ConfigError: sources that do not hold documents.
    """
    others = [n for n, corpus in sources.corpora.items() if corpus.kind is not Document]
    if others:
        raise ConfigError(
            [f"data.exact cuts pieces out of documents; {', '.join(others)} hold none: use near"]
        )

    made_of = sources.made_of(how) | {"tokens": [store.folder.name for store in tokens.values()]}
    folder, arrays = sources.step(
        "exact", made_of, partial(_twice, sources, how, tokens, starts_character)
    )
    after = {
        name: replace(before, names=(*before.names, folder), spans=arrays[name])
        for name, before in sources.removed.items()
    }
    return replace(sources, removed=after)


def _alike(sources: Sources, how: "Near", work: Path) -> Found:
    left = sources.left()
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


def _twice(
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


def _described(how: Any) -> dict[str, Any]:
    return {"class": type(how).__qualname__, **asdict(how)}
