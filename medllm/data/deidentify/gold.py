"""Invented clinical notes in which every identifier is known: to measure the rules by.

    seed -> sentences with gaps, filled -> Note(text, planted) -> measure -> Score by kind

The sentences stand for how notes are written, not for all the ways there are: what is found
here is an upper bound of what is found in real ones. Between the sentences with identifiers
stand others with doses, values, codes and words that look like names.
"""

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from medllm.data.deidentify import phrases
from medllm.data.deidentify.deidentifier import Deidentifier
from medllm.data.deidentify.invented import MAKERS

GAP = re.compile(r"\{(\w+)(?::(\w+))?\}")
WIDE = str.maketrans("0123456789", "０１２３４５６７８９")


@dataclass(frozen=True, slots=True)
class Note:
    """A text and what was planted in it: kind, start, end."""

    text: str
    planted: tuple[tuple[str, int, int], ...]


@dataclass(slots=True)
class Score:
    """Of one kind of identifier.

    planted: how many there were; missed: how many of them left a character behind.
    found: how many places were taken for one; false: how many of those touch none.
    """

    planted: int = 0
    missed: int = 0
    found: int = 0
    false: int = 0

    @property
    def recall(self) -> float:
        return 1 - self.missed / self.planted if self.planted else 1.0

    @property
    def precision(self) -> float:
        return 1 - self.false / self.found if self.found else 1.0


def notes(
    number: int, *, language: Literal["zh", "en"], seed: int, disguised: bool = False
) -> list[Note]:
    """So many notes of 3 sentences with identifiers and 3 without.

    Args:
        number: of notes.
        language: of all of them.
        seed: the same gives the same.
        disguised: figures of numbers are full-width, spaced, or parted by a space of no width.
    """
    rng = random.Random(f"{language}:{seed}")
    return [_note(language, rng, disguised) for _ in range(number)]


def measure(deidentifier: Deidentifier, given: Iterable[Note]) -> dict[str, Score]:
    """Kind of identifier to how well it was found, sorted by kind."""
    scores: dict[str, Score] = {}
    for note in given:
        found = deidentifier.find([note.text])[0]
        removed = {at for each in found for at in range(each.start, each.end)}
        touched = {at for _, start, end in note.planted for at in range(start, end)}
        for kind, start, end in note.planted:
            score = scores.setdefault(kind, Score())
            score.planted += 1
            score.missed += not _letters(note.text, start, end) <= removed
        for each in found:
            score = scores.setdefault(each.kind, Score())
            score.found += 1
            score.false += touched.isdisjoint(range(each.start, each.end))
    return dict(sorted(scores.items()))


def _note(language: Literal["zh", "en"], rng: random.Random, disguised: bool) -> Note:
    some = [*rng.sample(phrases.NOTES[language], 3), *rng.sample(phrases.NEGATIVES[language], 3)]
    rng.shuffle(some)
    text, planted = "", []
    for phrase in some:
        done = 0
        for gap in GAP.finditer(phrase):
            text += phrase[done : gap.start()]
            kind = gap[1]
            value = MAKERS[language][kind](gap[2] or "", rng)
            if disguised and kind in ("phone", "identity_card", "bank_card", "ssn"):
                value = _disguised(value, rng)
            planted.append((kind, len(text), len(text) + len(value)))
            text, done = text + value, gap.end()
        text += phrase[done:] + ("\n" if language == "zh" else " ")
    return Note(text, tuple(planted))


def _letters(text: str, start: int, end: int) -> set[int]:
    return {at for at in range(start, end) if text[at].isalnum()}


def _disguised(value: str, rng: random.Random) -> str:
    way = rng.choice(["wide", " ", "\u200b"])
    if way == "wide":
        return value.translate(WIDE)
    return re.sub(r"(?<=\d)(?=(\d{4})+$)", way, value) if value.isdigit() else value.translate(WIDE)
