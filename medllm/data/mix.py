"""In which order the sources of a run are visited.

A mixer sees sizes and weights, never data, and returns an order: an int64 array of shape
(N, 2) whose rows are (number of the source, number of the entry in it). The order is a
pure function of its arguments, so every rank computes it alone, a resumed run is an
offset into it, and a test can count it.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from medllm.errors import ConfigError

Seed = int | Sequence[int]


def all_once(sizes: Mapping[str, int], *, epochs: int, seed: Seed) -> np.ndarray:
    """Every entry of every source once per epoch, shuffled together."""
    entries = _entries(sizes, dict.fromkeys(sizes, 1))
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.permutation(entries) for _ in range(epochs)])


def quota(
    sizes: Mapping[str, int], *, weights: Mapping[str, int], anchor: str, epochs: int, seed: Seed
) -> np.ndarray:
    """Exact shares in every block of `sum(weights)` entries.

    PMC-LLaMA's 15:4:1 (Wu et al. 2023, arXiv 2304.14454) is `weights={books: 15, papers: 4,
    general: 1}`: the first 20 entries hold exactly 15, 4 and 1, so do the next 20, and so on.

    Args:
        sizes: source to its number of entries.
        weights: source to its entries per block, at least 1.
        anchor: the source whose entries make an epoch: each is seen once. The last block is
            filled up by starting it again.
        epochs: passes over the anchor. A source is reshuffled and restarted when it runs
            out, never before, and epochs do not interrupt it.
        seed: of all shuffling.

    Raises:
        ConfigError: sources that do not agree, a weight below 1, an unknown anchor.
    """
    _same_sources(sizes, weights=weights)
    problems = [
        f"mix.weights.{name}={weight} must be a whole number, 1 or more"
        for name, weight in weights.items()
        if int(weight) != weight or weight < 1
    ]
    if anchor not in sizes:
        problems.append(f"mix.anchor='{anchor}' is not one of {', '.join(sizes)}")
    if problems:
        raise ConfigError(problems)
    rng = np.random.default_rng(seed)
    blocks = -(-epochs * sizes[anchor] // weights[anchor])
    block = np.repeat(np.arange(len(sizes)), [weights[name] for name in sizes])
    sources = rng.permuted(np.tile(block, (blocks, 1)), axis=1).ravel()
    order = np.stack([sources, np.empty_like(sources)], axis=1)
    for number, (name, size) in enumerate(sizes.items()):
        order[sources == number, 1] = _rounds(size, blocks * weights[name], rng)
    return order


def priority(
    sizes: Mapping[str, int],
    *,
    priorities: Mapping[str, float],
    repeats: Mapping[str, int],
    epochs: int,
    seed: Seed,
) -> np.ndarray:
    """Every entry `repeats` times, the urgent ones early, with no border in between.

    HuatuoGPT-II's one-stage order (Chen et al. 2023, arXiv 2311.09774): entries are drawn
    without replacement with chance proportional to their source's priority, so the share of
    a source fades smoothly as it is used up. Drawn in one sweep as the sort order of
    Exponential(1) / priority, which is the same law and has no size limit
    (`torch.multinomial` refuses more than 2**24 entries). Epochs follow each other.

    Raises:
        ConfigError: sources that do not agree, or a priority that is not positive.
    """
    _same_sources(sizes, priorities=priorities, repeats=repeats)
    problems = [
        f"mix.priorities.{name}={value} must be positive"
        for name, value in priorities.items()
        if not value > 0
    ]
    if problems:
        raise ConfigError(problems)
    rng = np.random.default_rng(seed)
    entries = _entries(sizes, repeats)
    urgency = np.array([priorities[name] for name in sizes], dtype=float)[entries[:, 0]]
    waits = (rng.exponential(size=len(entries)) / urgency for _ in range(epochs))
    return np.concatenate([entries[np.argsort(wait, kind="stable")] for wait in waits])


def priority_share(
    sizes: Mapping[str, int],
    *,
    priorities: Mapping[str, float],
    repeats: Mapping[str, int],
    at: float,
) -> dict[str, float]:
    """Expected share of each source among the entries drawn when a part `at` is done.

    In the limit of many entries, n * exp(-priority * s) of a source's n remain at time s of
    the exponential race; s is found by bisection so that they add up to 1 - at.

    Args:
        sizes: source to its number of entries.
        priorities: as in `priority`.
        repeats: as in `priority`.
        at: part of the run that is over, in [0, 1).
    """
    counts = np.array([sizes[name] * repeats[name] for name in sizes], dtype=float)
    urgency = np.array([priorities[name] for name in sizes], dtype=float)
    low, high = 0.0, 50.0 / urgency.min()  # exp(-50): nothing is left by then
    for _ in range(200):
        middle = (low + high) / 2
        done = 1 - (counts * np.exp(-urgency * middle)).sum() / counts.sum()
        low, high = (middle, high) if done < at else (low, middle)
    rates = urgency * counts * np.exp(-urgency * low)
    return dict(zip(sizes, (rates / rates.sum()).tolist(), strict=True))


def disagreements(sources: Iterable[str], named: Mapping[str, Mapping]) -> list[str]:
    """Which of the mixer's arguments in `named` name other sources than there are."""
    known = sorted(sources)
    return [
        f"mix.{argument} names {', '.join(sorted(given))}; the sources are {', '.join(known)}"
        for argument, given in named.items()
        if sorted(given) != known
    ]


def _entries(sizes: Mapping[str, int], repeats: Mapping[str, int]) -> np.ndarray:
    """Every (source, entry), `repeats` times: (N, 2)."""
    parts = [
        np.stack([np.full(size * repeats[name], i), np.tile(np.arange(size), repeats[name])], 1)
        for i, (name, size) in enumerate(sizes.items())
    ]
    return np.concatenate(parts)


def _rounds(size: int, length: int, rng: np.random.Generator) -> np.ndarray:
    """`length` entries: a shuffle of all, then another, and so on."""
    rounds = [rng.permutation(size) for _ in range(-(-length // size))]
    return np.concatenate(rounds)[:length]


def _same_sources(sizes: Mapping[str, int], **named: Mapping[str, object]) -> None:
    if problems := disagreements(sizes, named):
        raise ConfigError(problems)
