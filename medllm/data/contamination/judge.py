"""A place where a question may stand: whether it does, and whether its answer is near.

A question stands there if, of what is sought of it,

    runs       a share `PART` of its runs of n units is there, word for word
    shingles   a share `near` of its shingles is, and its stem is all but there (`LIKE`)
    options    all its options are, in whatever order, and its stem is all but there

What is sought together with its options needs its stem all but there in any case, since several
questions of an exam may share one set of options.
"""

import re
from dataclasses import dataclass

import numpy as np
from rapidfuzz import fuzz

from medllm.data.contamination.fold import Script, Units, fold
from medllm.data.contamination.grams import numbers, share, sums
from medllm.data.contamination.sought import SHINGLE, SHORTEST, Sought
from medllm.types import Question

# Between exams that share questions, parts of a stem that are its own keep .33 and more of the
# runs, and names of laws or lists of findings up to .29; in MedQA-USMLE it is .62 against .11.
PART = 0.3
LIKE = 80  # of 100: rapidfuzz's partial ratio of the stem, letter by letter
RUN = 13  # units of a run of the explanation
ROOM = 50  # units around a question and its answer, for "the correct answer is" and the like

# "答案：B", "故选B", "The answer is B", without what folding takes away.
LETTERS = {
    "characters": r"(?:答案|正确选项|选择?|answer)(?:应?[是为选]|is)*{letters}(?![a-e])",
    "words": r"\b(?:answer|option|choice|key)(?: is| are| key)* {letters}\b",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Units `start` to before `stop` of folded texts; `first` to before `last` are its text's.

    sums: of all units, see `grams.sums`.
    """

    units: Units
    sums: np.ndarray
    start: int
    stop: int
    first: int
    last: int

    def wider(self, room: int) -> "Place":
        """With so many units more on each side, within its text."""
        start, stop = max(self.start - room, self.first), min(self.stop + room, self.last)
        return Place(self.units, self.sums, start, stop, self.first, self.last)

    def text(self) -> str:
        return self.units.text(self.start, self.stop)

    def share(self, runs: np.ndarray, length: int) -> float:
        """Of the distinct, ascending `runs`, each of `length` units, those that stand here."""
        return share(runs, self.sums, self.start, self.stop, length)


def overlap(place: Place, sought: Sought, *, script: Script, near: float) -> float:
    """How much of what is sought stands at `place`: of its runs, or else of its shingles.

    Returns:
        a share; 0 if it does not count.
    """
    place = place.wider(sought.size)
    runs = place.share(sought.runs, sought.length)
    if runs >= PART and sought.is_stem:
        return runs
    shingles = place.share(sought.shingles, SHINGLE[script])
    text = place.text()
    if runs < PART and shingles < near and not _has_options(text, sought, script):
        return 0.0
    # Blanks around it, or a part of the stem at the end of the text would be a ratio of its own.
    blanks = " " * len(sought.stem)
    like = fuzz.partial_ratio(sought.stem, f"{blanks}{text}{blanks}", score_cutoff=LIKE)
    return max(runs, shingles) if like else 0.0


def bears_answer(place: Place, question: Question, *, script: Script) -> bool:
    """Whether the right options, their letters or the explanation stand near the question.

    As near as they would in a copy of the question that tells them all.
    """
    copy = fold(["\n".join([*question.options.values(), question.reference])], script)
    place = place.wider(len(copy.values) + ROOM)
    nearby, stem = place.text(), folded(question.text, script)
    right = [folded(question.options[letter], script) for letter in question.answer]
    if not right:
        right = [folded(question.reference, script)]
    if all(len(t) > 1 and _times(t, nearby, script) > _times(t, stem, script) for t in right):
        return True
    letters = " ?".join(question.answer.lower())
    if letters and re.search(LETTERS[script].format(letters=letters), nearby):
        return True
    return _is_explained(place, question, script)


def folded(text: str, script: Script) -> str:
    units = fold([text], script)
    return units.text(0, len(units.values))


def _has_options(text: str, sought: Sought, script: Script) -> bool:
    return bool(sought.options) and all(_times(each, text, script) for each in sought.options)


def _times(part: str, text: str, script: Script) -> int:
    return f" {text} ".count(f" {part} ") if script == "words" else text.count(part)


def _is_explained(place: Place, question: Question, script: Script) -> bool:
    """Whether a share `PART` of the explanation's runs is there that the stem does not have."""
    stem, reference = (sums(fold([t], script).values) for t in (question.text, question.reference))
    length = min(RUN, len(reference) - 1)
    if length < SHORTEST[script]:
        return False
    explaining, asking = (numbers(each, 0, len(each) - 1, length) for each in (reference, stem))
    return place.share(np.setdiff1d(explaining, asking), length) >= PART
