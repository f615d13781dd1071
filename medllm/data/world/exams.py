"""Exam questions about facts, as rows of CMExam's CSV.

One right option among four or five, or both values of a doubled fact in a
multiple-answer question. Wrong options are values that other entities have.
"""

from collections.abc import Iterable

import numpy as np

from medllm.data.world.entities import Domain, Entity
from medllm.data.world.names import Name
from medllm.data.world.phrases import JOIN, PHRASES
from medllm.data.world.texts import Kind, Language, name

LETTERS = "ABCDE"
FULL_SHARE = 0.3  # of the doubled facts: asked for both values, so that 1 answer in 17 is multiple


def exam(
    entities: Iterable[Entity],
    domain: Domain,
    kind: Kind,
    language: Language,
    rng: np.random.Generator,
) -> Iterable[dict]:
    """One question in CMExam's columns for every entity, relation and stem."""
    for entity in entities:
        for relation, phrases in PHRASES[kind, language].items():
            for stem in phrases["stems"]:
                yield _question(entity, relation, stem, domain, language, rng)


def general_exam(
    entities: Iterable[Entity], domain: Domain, language: Language, rng: np.random.Generator
) -> Iterable[dict]:
    """The same for towns, in CMMLU's columns: four options, one of them right."""
    for row in exam(entities, domain, "general", language, rng):
        if len(row["Answer"]) == 1:
            texts = [line[2:] for line in row["Options"].split("\n")][:4]
            if row["Answer"] in LETTERS[: len(texts)]:
                yield {
                    "Question": row["Question"],
                    **dict(zip("ABCD", texts, strict=True)),
                    "Answer": row["Answer"],
                }


def _question(entity, relation, stem, domain, language: Language, rng) -> dict:
    facts = entity.facts[relation]
    is_full = len(facts) == 1 or rng.random() < FULL_SHARE
    right = facts if is_full else (facts[rng.integers(2)],)
    wrong = [v for v in domain.pools[relation] if v not in facts]
    size = int(rng.integers(4, 6))
    chosen = [*right, *(wrong[i] for i in rng.choice(len(wrong), size - len(right), replace=False))]
    shown = [chosen[i] for i in rng.permutation(size)]
    letters = "".join(
        letter for letter, value in zip(LETTERS, shown, strict=False) if value in right
    )
    question = stem.format(name=name(entity, language))
    return {
        "Question": question,
        "Options": "\n".join(
            f"{letter} {getattr(value, language)}"
            for letter, value in zip(LETTERS, shown, strict=False)
        ),
        "Answer": letters,
        "Explanation": _explanation(question, right, letters, language),
        "Medical Discipline": relation,
    }


def _explanation(question: str, right: Iterable[Name], letters: str, language: Language) -> str:
    """The completed stem, with CMExam's remark which letters are right."""
    values = JOIN[language].join(getattr(value, language) for value in right)
    if language == "zh":
        return f"{question}{values}（{letters}对）。"
    return f"{question} {values} ({letters})."
