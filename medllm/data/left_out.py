"""What does not reach training, and why: one line each, to be read by a person.

A line holds an excerpt only where the source has no patient data.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

EXCERPT = 200  # characters of what was left out that are shown
REASONS = 50  # different reasons a manifest lists; the rest are one more


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A record or an example.

    line: counts from 1.
    step: read, the name of an `alter` or `keep`, tokenise, ...
    reason: a figure in brackets at its end is not part of what is counted.
    """

    file: str
    line: int
    id: str
    step: str
    reason: str
    excerpt: str


def write(file: Path, entries: Iterable[LeftOut]) -> None:
    with open(file, "w", encoding="utf-8") as lines:
        for entry in entries:
            lines.write(json.dumps(asdict(entry), ensure_ascii=False) + "\n")


def read(file: Path) -> Iterator[LeftOut]:
    with open(file, encoding="utf-8") as lines:
        for line in lines:
            yield LeftOut(**json.loads(line))


def counts(entries: Iterable[LeftOut]) -> dict[str, dict[str, int]]:
    """Step to reason to how many."""
    counted: dict[str, dict[str, int]] = {}
    for entry in entries:
        add(counted, {entry.step: {entry.reason.partition(" (")[0]: 1}})
    return counted


def add(total: dict[str, dict[str, int]], more: Mapping[str, Mapping[str, int]]) -> None:
    """Count `more` into `total`; beyond `REASONS` of a step, as "other reasons"."""
    for step, reasons in more.items():
        known = Counter(total.setdefault(step, {}))
        for reason, number in reasons.items():
            is_room = reason in known or len(known) < REASONS
            known[reason if is_room else "other reasons"] += number
        total[step] = dict(known)


def number(counted: Mapping[str, Mapping[str, int]], *steps: str) -> int:
    """How many at these steps; at all of them, where none is named."""
    return sum(sum(counted.get(step, {}).values()) for step in steps or counted)
