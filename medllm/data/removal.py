"""What a mixture leaves out of its sources, each step among what the step before it left.

    contamination   examples that give a benchmark's questions away       text, source by source
    near            all but one of examples that are nearly the same      text, over all sources
    exact           all but one of the stretches that stand twice         ids, over all sources

    <stores>/removals/<step>-<digest>/   <source>.npy, <step>.json: what and why, manifest.json

Nothing is deleted: a removal is a list of what the plan of the rows leaves out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from medllm.data import finding
from medllm.data.build import digest
from medllm.data.rows import Removed
from medllm.data.sources import Sources
from medllm.data.tokens import TokenStore
from medllm.errors import ConfigError
from medllm.types import Document, Question

if TYPE_CHECKING:  # compiled code and searching are needed only where a mixture asks for them
    from medllm.data.contamination.gate import Contamination
    from medllm.data.dedup.exact import Exact
    from medllm.data.dedup.near import Near


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
        find = partial(finding.leaks, alone, how, asked, name)
        folder, arrays = alone.step("contamination", made_of, find)
        after |= alone.without(folder, arrays, "gives away what a benchmark asks").removed
    return replace(sources, removed=after)


def nearly_the_same(sources: Sources, how: "Near", tokens: Mapping[str, TokenStore]) -> Sources:
    """Leave out all but one of each group of near-duplicates.

    What the tokenizer refused is in no group: it must not take the place of one that can stay.
    """
    made_of = sources.made_of(how) | {"tokens": [store.folder.name for store in tokens.values()]}
    find = partial(finding.alike, sources, how, tokens)
    folder, arrays = sources.step("near", made_of, find)
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
        "exact", made_of, partial(finding.twice, sources, how, tokens, starts_character)
    )
    after = {
        name: replace(before, names=(*before.names, folder), spans=arrays[name])
        for name, before in sources.removed.items()
    }
    return replace(sources, removed=after)
