"""What was matched, written down for people and for evaluation.

    matches of one source -> `of_source` -> benchmark -> its matched questions, worst first
    all sources of a run  -> `of_run`    -> benchmark -> question id -> the worst of its matches

Of training texts only the ids are shown: they may tell of patients.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from medllm import config
from medllm.types import Question

if TYPE_CHECKING:
    from rich.table import Table

    from medllm.data.contamination.gate import Match

SHOWN = 5  # ids of examples listed per question
WORST_FIRST = ("answer", "question")


def digest(questions: Sequence[Question]) -> str:
    """Names what a benchmark asks; under another limit or release it asks something else."""
    asked = [[q.id, q.text, dict(q.options), q.answer, q.reference] for q in questions]
    return config.digest(asked)


def of_source(
    matches: Sequence["Match"],
    questions: Mapping[str, Sequence[Question]],
    *,
    ids: Mapping[int, str],
    dropped: set[int],
) -> dict[str, Any]:
    """The content of a source's contamination.json.

    Args:
        questions: by benchmark, all that the source was held against.
        ids: of the matched examples, by their number.
        dropped: numbers of the examples left out.
    """
    told = {}
    for name, asked in questions.items():
        mine: dict[str, list[Match]] = {}
        for match in matches:
            if match.benchmark == name:
                mine.setdefault(match.question, []).append(match)
        entries = [_entry(each, ids, dropped) for each in mine.values()]
        entries.sort(key=lambda entry: (WORST_FIRST.index(entry["kind"]), -entry["overlap"]))
        told[name] = {"questions": len(asked), "digest": digest(asked), "matched": entries}
    return {"benchmarks": told, "dropped": len(dropped)}


def of_run(sources: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The content of a run's contamination.json, from those of its sources by name."""
    told: dict[str, dict[str, Any]] = {}
    for source, report in sources.items():
        for name, found in report["benchmarks"].items():
            asked = {key: found[key] for key in ("digest", "questions")}
            worst = told.setdefault(name, asked | {"matched": {}})["matched"]
            for entry in found["matched"]:
                match = {
                    "kind": entry["stays"] or entry["kind"],
                    "source": source,
                    "example": entry["examples"][0],
                    "dropped": entry["stays"] is None,
                }
                known = worst.get(entry["question"], match)
                worst[entry["question"]] = min(known, match, key=_badness)
    return {"benchmarks": told}


def table(sources: Mapping[str, Mapping[str, Any]]) -> "Table":
    """For the terminal: where a source had questions of a benchmark, and what is left of them."""
    from rich.box import SIMPLE
    from rich.table import Table

    benchmarks = {name for report in sources.values() for name in report["benchmarks"]}
    found_any = any(
        found["matched"] for r in sources.values() for found in r["benchmarks"].values()
    )
    table = Table(
        title=f"{'' if found_any else 'no '}questions of benchmarks in the data",
        caption=f"{len(sources)} sources held against {len(benchmarks)} benchmarks; which "
        "questions: stores/removals/contamination-*",
        box=SIMPLE,
    )
    for head in ("source", "benchmark"):
        table.add_column(head)
    for head in ("asked", "with answer", "without", "left in"):
        table.add_column(head, justify="right")
    for source, report in sources.items():
        for name, found in report["benchmarks"].items():
            kinds = [entry["kind"] for entry in found["matched"]]
            left = sum(entry["stays"] is not None for entry in found["matched"])
            counts = (found["questions"], kinds.count("answer"), kinds.count("question"), left)
            if kinds:
                table.add_row(source, name, *(f"{n:,}" for n in counts))
    return table


def _entry(matches: Sequence["Match"], ids: Mapping[int, str], dropped: set[int]) -> dict[str, Any]:
    """One question. Its first example is the worst of those that stay or, if none does, of all.

    stays: the kind of that example; None if every example that holds the question is dropped.
    """
    order = sorted(
        matches, key=lambda m: (m.example in dropped, WORST_FIRST.index(m.kind), -m.overlap)
    )
    return {
        "question": order[0].question,
        "kind": min((match.kind for match in matches), key=WORST_FIRST.index),
        "overlap": max(match.overlap for match in matches),
        "stays": None if order[0].example in dropped else order[0].kind,
        "matches": len(matches),
        "examples": [ids[match.example] for match in order[:SHOWN]],
        "excerpt": order[0].excerpt,
    }


def _badness(match: Mapping[str, Any]) -> tuple[bool, int]:
    return match["dropped"], WORST_FIRST.index(match["kind"])
