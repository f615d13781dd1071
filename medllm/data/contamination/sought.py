"""What is looked for of a question, as numbers of the runs of units it is made of.

    stem                     every run of n units, or the whole of a shorter stem
    stem with its options    the same, for a stem that running text may hold by chance
    either                   every run of a few units (shingles), which finds edited copies

Phrases that many questions share tell nothing about any of them and are left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from medllm.data.contamination.fold import Script, fold
from medllm.data.contamination.grams import numbers, sums
from medllm.types import Question

# Units. A shorter stem ("属于恶性肿瘤的是") is no evidence by itself, only with its options.
SHORTEST = {"characters": 10, "words": 6}
# An edited stem is evidence by itself from here on; among shorter ones one edit makes another.
LONG = {"characters": 20, "words": 15}
SHINGLE = {"characters": 5, "words": 3}
# In more questions than this, a run is a stock phrase. In 3,000 questions of CMExam a patient's
# case is shared by up to 3, and from 5 on it is names of laws and "which of the following".
STOCK, STOCK_SHINGLE = 3, 8
EARLY = 0.6  # of the shingles that a copy must have, so many raise the alarm
FADE = 0.3  # of the shingles per unit that a copy must have, so many are forgotten per unit
FEWEST = 3  # shingles of a short stem that raise it: two are found everywhere
NONE = np.empty(0, np.uint64)


@dataclass(frozen=True, slots=True)
class Sought:
    """One text that is looked for.

    question: its number.
    stem: folded.
    options: folded; none where the stem is sought alone.
    size: in units.
    length: units of its runs.
    runs, shingles: distinct numbers, ascending, without stock phrases.
    alarm: so many shingles close together make a place worth a look.
    """

    question: int
    is_stem: bool
    stem: str
    options: Sequence[str]
    size: int
    length: int
    runs: np.ndarray
    shingles: np.ndarray
    alarm: float


def sought(
    questions: Mapping[int, Question], script: Script, *, length: int, near: float
) -> list[Sought]:
    """What is looked for of one benchmark.

    Args:
        questions: by number, all of this script.
        length: units of a run.
        near: share of the shingles that an edited copy keeps.
    """
    exam = _Exam(list(questions.values()), script, length, near)
    both = []
    for at, (number, question) in enumerate(questions.items()):
        size = exam.size(at)
        if size >= SHORTEST[script]:
            both.append(exam.stem(at, number))
        if size < LONG[script] and (question.options or question.reference):
            both.append(exam.shown(at, number))
    return both


def shows(question: Question) -> str:
    """The question as a copy of the exam shows it; an open one with its answer."""
    options = [f"{letter} {text}" for letter, text in question.options.items()]
    return "\n".join([question.text, *(options or [question.reference])])


class _Exam:
    """The folded texts of one benchmark: N stems, then the N questions as copies show them."""

    def __init__(
        self, questions: Sequence[Question], script: Script, length: int, near: float
    ) -> None:
        self.script: Script = script
        self.questions, self.length, self.near = questions, length, near
        self.units = fold([*(q.text for q in questions), *map(shows, questions)], script)
        self.borders, self.sums = self.units.borders.tolist(), sums(self.units.values)
        self.stock: dict[int, np.ndarray] = {}

    def size(self, at: int) -> int:
        return self.borders[at + 1] - self.borders[at]

    def stem(self, at: int, number: int) -> Sought:
        size = self.size(at)
        length = min(size, self.length)
        shingles = self.own(at, SHINGLE[self.script]) if size >= LONG[self.script] else NONE
        return Sought(
            question=number,
            is_stem=True,
            stem=self.units.text(*self.borders[at : at + 2]),
            options=(),
            size=size,
            length=length,
            runs=self.own(at, length),
            shingles=shingles,
            alarm=EARLY * self.near * len(shingles),
        )

    def shown(self, stem: int, number: int) -> Sought:
        at = len(self.questions) + stem
        size = self.size(at)
        length = min(size, self.length)
        shingles = self.own(at, SHINGLE[self.script])
        options = fold(list(self.questions[stem].options.values()), self.script)
        cuts = options.borders.tolist()
        # A stem found whole is worth a look even where its options come in another order.
        whole = max(len(self.own(stem, SHINGLE[self.script])), FEWEST)
        return Sought(
            question=number,
            is_stem=False,
            stem=self.units.text(*self.borders[stem : stem + 2]),
            options=tuple(options.text(*cut) for cut in pairwise(cuts)),
            size=size,
            length=length,
            runs=self.own(at, length) if length >= SHORTEST[self.script] else NONE,
            shingles=shingles,
            alarm=min(EARLY * self.near * len(shingles), whole * (1 - FADE * self.near)),
        )

    def own(self, at: int, length: int) -> np.ndarray:
        """The distinct runs of one text that are no stock phrases."""
        if length not in self.stock:
            shown = range(len(self.questions), 2 * len(self.questions))
            of_all = np.concatenate([self._runs(each, length) for each in shown])
            runs, counts = np.unique(of_all, return_counts=True)
            most = STOCK_SHINGLE if length == SHINGLE[self.script] else STOCK
            self.stock[length] = runs[counts > most]
        runs = self._runs(at, length)
        return runs[~np.isin(runs, self.stock[length])]

    def _runs(self, at: int, length: int) -> np.ndarray:
        return np.unique(numbers(self.sums, self.borders[at], self.borders[at + 1], length))
