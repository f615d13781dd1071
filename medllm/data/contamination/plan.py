"""What every worker knows of the exams, and what it does with a batch of texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from medllm.data.contamination.fold import Script, scripts, spelt, units
from medllm.data.contamination.grams import sums
from medllm.data.contamination.index import Index, index
from medllm.data.contamination.judge import Place, bears_answer, overlap
from medllm.data.contamination.search import places
from medllm.data.contamination.sought import Sought, shows, sought
from medllm.types import Question


@dataclass(frozen=True)
class Plan:
    """The questions of all benchmarks, by number, and how they are looked for."""

    questions: Sequence[Question]
    indexes: Sequence[Index]
    near: float

    @property
    def longest(self) -> int:
        """Characters of the longest question with all that belongs to it."""
        lengths = (len(shows(question)) + len(question.reference) for question in self.questions)
        return max(lengths, default=0)


class Found(NamedTuple):
    """A question in a text; of two, the greater tells more."""

    is_answered: bool
    overlap: float


def plan(
    benchmarks: Mapping[str, Sequence[Question]], *, lengths: Mapping[Script, int], near: float
) -> Plan:
    """How the questions of `benchmarks` are looked for, by runs of `lengths` units."""
    numbered: list[Question] = []
    parts: dict[Script, list[Sought]] = {each: [] for each in lengths}
    for questions in benchmarks.values():
        first = len(numbered)
        numbered += questions
        written = scripts([question.text for question in questions])
        for each, length in lengths.items():
            mine = {first + i: q for i, q in enumerate(questions) if written[i] == each}
            # A benchmark by itself: what two of them share is no stock phrase for that.
            parts[each] += sought(mine, each, length=length, near=near) if mine else []
    indexes = [index(part, each, near=near) for each, part in parts.items() if part]
    return Plan(numbered, indexes, near)


def look(plan: Plan, texts: Sequence[str]) -> dict[tuple[int, int], Found]:
    """What is found, by the number of the text and that of the question."""
    found: dict[tuple[int, int], Found] = {}
    letters, borders = spelt(texts)
    for exams in plan.indexes:
        cut = units(letters, borders, exams.script, skips=True)
        total = sums(cut.values)
        for number, text, start, stop in places(cut, total, exams).tolist():
            first, last = cut.borders[text : text + 2].tolist()
            place = Place(cut, total, start, stop, first, last)
            if seen := _seen(place, exams.sought[number], plan, exams.script):
                at = text, exams.sought[number].question
                found[at] = max(seen, found.get(at, seen))
    return found


def _seen(place: Place, sought: Sought, plan: Plan, script: Script) -> Found | None:
    question = plan.questions[sought.question]
    share = overlap(place, sought, script=script, near=plan.near)
    return Found(bears_answer(place, question, script=script), share) if share else None
