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
from medllm.data.corpus import Corpus, Texts
from medllm.data.preparation import Preparation
from medllm.data.progress import Progress
from medllm.data.rows import Removed
from medllm.data.tokens import TokenStore
from medllm.errors import ConfigError
from medllm.types import Document, Question

if TYPE_CHECKING:  # compiled code and searching are needed only where a mixture asks for them
    from medllm.data.contamination import Contamination
    from medllm.data.dedup.exact import Exact
    from medllm.data.dedup.near import Near

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

    def made_of(self, how: object) -> dict[str, Any]:
        """What decides the outcome of the next step."""
        return {
            "how": _described(how),
            "sources": [[name, corpus.content] for name, corpus in self.corpora.items()],
            "before": [list(removed.names) for removed in self.removed.values()],
        }

    def with_removed(self, name: str, **more: Mapping[str, np.ndarray]) -> "Sources":
        """The same after one more step, whose folder is `name`."""
        after = {
            source: replace(
                before,
                names=(*before.names, name),
                examples=before.examples | more["examples"][source]
                if "examples" in more
                else before.examples,
                spans=more["spans"][source] if "spans" in more else before.spans,
            )
            for source, before in self.removed.items()
        }
        return replace(self, removed=after)

    def step(
        self, name: str, made_of: Mapping[str, Any], find: Callable[[], Found]
    ) -> tuple[str, dict[str, np.ndarray]]:
        """Folder of a step and its arrays, found now where they are not there yet."""
        at = self.folder / "removals" / f"{name}-{digest(made_of)}"

        def make(work: Path) -> Mapping[str, Any]:
            with self.progress.of(f"{', '.join(self.corpora)}: {name}"):
                arrays, report = find()
            for source, array in arrays.items():
                np.save(work / f"{source}.npy", array)
            text = json.dumps(report, indent=1, ensure_ascii=False)
            folders.write(work / f"{name}.json", text)
            return made_of

        folders.made(at, version=VERSION, make=make)
        return at.name, {source: np.load(at / f"{source}.npy") for source in self.corpora}


def nothing(corpus: Corpus) -> Removed:
    return Removed((), np.zeros(len(corpus), dtype=bool), np.empty((0, 2), dtype=np.int64))


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
        after |= alone.with_removed(folder, examples=arrays).removed
    return replace(sources, removed=after)


def _leaks(
    alone: Sources, how: "Contamination", asked: Mapping[str, Sequence[Question]], name: str
) -> Found:
    corpus, preparation = alone.corpora[name], alone.preparation
    matches = how.matches(
        Texts([corpus]), asked, workers=preparation.processes, memory=preparation.bytes
    )
    drop = np.zeros(len(corpus), dtype=bool)
    drop[[match.example for match in matches if how.drops(match)]] = True
    return {name: drop}, how.report(matches, asked, corpus)


def nearly_the_same(sources: Sources, how: "Near") -> Sources:
    """Leave out all but one of each group of near-duplicates."""

    def find() -> Found:
        left = sources.left()
        texts = Texts(list(sources.corpora.values()), left)
        kept = how.components(
            texts, workers=sources.preparation.processes, memory=sources.preparation.bytes
        )
        goes = kept != np.arange(len(texts))
        arrays = _by_source(sources, left, goes)
        groups, sizes = np.unique(kept, return_counts=True)
        return arrays, {
            "examples": len(texts),
            "dropped": {name: int(drop.sum()) for name, drop in arrays.items()},
            "largest_groups": [
                {"kept": texts[int(group)][:200], "size": int(size)}
                for group, size in sorted(
                    zip(groups, sizes, strict=True), key=lambda each: (-each[1], each[0])
                )[:20]
                if size > 1
            ],
        }

    folder, arrays = sources.step("near", sources.made_of(how), find)
    return sources.with_removed(folder, examples=arrays)


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

    def find() -> Found:
        stays = [~sources.removed[n].examples[tokens[n].numbers] for n in tokens]
        streams = [
            (store.ids, store.offsets[:-1][kept], store.offsets[1:][kept])
            for store, kept in zip(tokens.values(), stays, strict=True)
        ]
        spans = how.spans(
            streams, starts_character=starts_character, memory=sources.preparation.bytes
        )
        arrays = dict(zip(tokens, spans, strict=True))
        return arrays, {
            "tokens": {n: int((s[2] - s[1]).sum()) for n, s in zip(tokens, streams, strict=True)},
            "removed_tokens": {n: int(np.diff(a, axis=1).sum()) for n, a in arrays.items()},
        }

    made_of = sources.made_of(how) | {"tokens": [store.folder.name for store in tokens.values()]}
    folder, arrays = sources.step("exact", made_of, find)
    return sources.with_removed(folder, spans=arrays)


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
