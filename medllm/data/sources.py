"""The sources of a mixture, and what the steps of `medllm.data.removal` leave out of them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from medllm.data import folder as folders
from medllm.data.build import VERSION, digest
from medllm.data.corpus import Corpus
from medllm.data.preparation import Preparation
from medllm.data.progress import Progress
from medllm.data.rows import Removed

Found = tuple[Mapping[str, np.ndarray], Mapping[str, Any]]  # arrays by source, and the report


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


def _described(how: Any) -> dict[str, Any]:
    return {"class": type(how).__qualname__, **asdict(how)}
