"""Tokens into the plan of a source's rows: what stays, and how it is packed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from medllm.data import left_out
from medllm.data.corpus import Corpus
from medllm.data.left_out import LeftOut
from medllm.data.pack import PACKINGS, Packing, Plan
from medllm.data.tokens import TokenStore
from medllm.errors import ConfigError, DataError
from medllm.types import Document


@dataclass(frozen=True, slots=True)
class Removed:
    """What a mixture leaves out of one source.

    names: the removals that say so, as folders beside the rows.
    counts: step to reason to number of examples, as everything else that is left out.
    examples: (N,) bool, whether an example of the corpus goes.
    spans: (S, 2) int64, sorted and disjoint, tokens of the stream that go besides.
    """

    names: tuple[str, ...]
    counts: Mapping[str, Mapping[str, int]]
    examples: np.ndarray
    spans: np.ndarray


@dataclass(frozen=True, slots=True)
class Kept:
    """Pieces of the stream that stay, starts and stops (N,) int64, and what goes with them."""

    starts: np.ndarray
    stops: np.ndarray
    left_out: list[LeftOut]
    truncated: int


def write(
    tokens: TokenStore,
    corpus: Corpus,
    work: Path,
    *,
    seq_len: int,
    packing: Packing,
    removed: Removed,
) -> dict[str, Any]:
    """Fill `work` with the plan of the rows, and return its manifest.

    Raises:
        ConfigError: conversations that should be cut out of.
        DataError: nothing is left that fills a row.
    """
    _check(corpus, removed)
    kept = _kept(tokens, corpus, seq_len, packing, removed)
    plan = PACKINGS[packing](kept.starts, kept.stops, seq_len=seq_len)
    if len(plan.borders) < 2:
        raise _no_row(corpus, kept, seq_len, removed.names)
    learnt = _learnt(tokens.learnt, plan)
    for name, array in {**plan._asdict(), "learnt": learnt}.items():
        np.save(work / f"{name}.npy", array)
    left_out.write(work / "left_out.jsonl", kept.left_out)
    total, given = int((plan.stops - plan.starts).sum()), int((kept.stops - kept.starts).sum())
    return {
        "entries": len(plan.borders) - 1,
        "tokens": total,
        "learnt": int(learnt.sum()),
        "truncated": kept.truncated,
        "dropped_tail_tokens": given - total if packing == "cut" else 0,
        "left_out": {**removed.counts, **left_out.counts(kept.left_out)},
        "removed": {
            "examples": int(removed.examples[np.unique(tokens.numbers)].sum()),
            "tokens": int(np.diff(removed.spans, axis=1).sum()),
        },
    }


def without(
    starts: np.ndarray, stops: np.ndarray, spans: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Starts and stops of what is left of some pieces; a span lies within one piece.

    A piece that learns nothing, of one token or none, goes too.
    """
    # Every piece and every span gives one beginning and one end, and in order they pair up.
    begins = np.sort(np.concatenate([starts, spans[:, 1]]))
    ends = np.sort(np.concatenate([stops, spans[:, 0]]))
    learns = ends - begins > 1
    return begins[learns], ends[learns]


def _kept(
    tokens: TokenStore, corpus: Corpus, seq_len: int, packing: Packing, removed: Removed
) -> Kept:
    stays = ~removed.examples[tokens.numbers]
    starts, stops = tokens.offsets[:-1][stays], tokens.offsets[1:][stays]
    if len(removed.spans):
        starts, stops = without(starts, stops, removed.spans)
    if packing == "cut":
        return Kept(starts, stops, [], 0)
    numbers = tokens.numbers[np.searchsorted(tokens.offsets, starts, side="right") - 1]
    long = np.unique(numbers[stops - starts > seq_len])
    refused = {number: why for number in long if (why := _spoilt(tokens, number, seq_len))}
    stays = ~np.isin(numbers, list(refused))
    return Kept(
        starts[stays],
        stops[stays],
        list(_told(corpus, refused, seq_len)),
        len(long) - len(refused),
    )


def _spoilt(tokens: TokenStore, number: int, seq_len: int) -> str:
    """What an example has lost once it is cut at `seq_len`; "" where it can still be learnt."""
    first, last = np.searchsorted(tokens.numbers, [number, number + 1])
    edges = tokens.offsets[first : last + 1]
    heads = [slice(start, min(stop, start + seq_len)) for start, stop in pairwise(edges.tolist())]
    if not all(tokens.learnt[head][1:].any() for head in heads):
        return "nothing to learn"
    if tokens.is_pairs and tokens.ids[heads[0]].tolist() == tokens.ids[heads[1]].tolist():
        return "no difference between the replies"
    return ""


def _told(corpus: Corpus, refused: dict[int, str], seq_len: int) -> Iterator[LeftOut]:
    for number, why in refused.items():
        reason = f"{why} within seq_len={seq_len} tokens"
        yield LeftOut(*corpus.where(number), corpus.example(number).id, "pack", reason, "")


def _learnt(learnt: np.ndarray, plan: Plan) -> np.ndarray:
    """(R,) int64, targets of each row: its tokens that are learnt, but none that opens a piece."""
    firsts, lasts = plan.starts + 1, plan.stops
    order = np.argsort(firsts)
    sums = np.zeros(len(firsts), dtype=np.int64)
    for at in np.array_split(order, max(1, len(order) // 1024)):
        sums[at] = _sums(learnt, firsts[at], lasts[at])
    totals = np.concatenate([[0], np.cumsum(sums)])
    return np.diff(totals[plan.borders])


def _sums(values: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """The sum of each values[start:stop], by one running sum over the stretch they span."""
    first = int(starts.min())
    running = np.concatenate([[0], np.cumsum(values[first : stops.max()], dtype=np.int64)])
    return running[stops - first] - running[starts - first]


def _check(corpus: Corpus, removed: Removed) -> None:
    if len(removed.spans) and corpus.kind is not Document:
        raise ConfigError(
            [f"data.exact cuts pieces out of documents, and these are {corpus.kind.__name__}s"]
        )


def _no_row(corpus: Corpus, kept: Kept, seq_len: int, names: Sequence[str]) -> DataError:
    files = ", ".join(list(corpus.manifest["files"])[:3])
    if not len(kept.starts) and not kept.left_out:
        return DataError(
            f"all {len(corpus)} examples of {files} are left out by {' and '.join(names)}; look at "
            "the reports in stores/removals, then take the source out or change what removes it"
        )
    if kept.left_out:
        first = kept.left_out[0]
        return DataError(
            f"no example in {files} can be learnt: {len(kept.left_out)} left out; "
            f"the first, {first.file}:{first.line}: {first.reason}"
        )
    return DataError(
        f"the {int((kept.stops - kept.starts).sum())} tokens of {files} do not fill one row of "
        f"seq_len={seq_len}; use a shorter data.seq_len or packing=whole"
    )
