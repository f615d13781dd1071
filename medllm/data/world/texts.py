"""Facts in words: running text, dialogues and preferences, as raw records."""

from collections.abc import Iterable
from typing import Literal

import numpy as np

from medllm.data.world.entities import Entity
from medllm.data.world.phrases import JOIN, PHRASES, VAGUE

Language = Literal["zh", "en"]
Kind = Literal["medical", "general"]


def chapter(entity: Entity, kind: Kind, language: Language, rng: np.random.Generator) -> str:
    """All facts of one entity, in an order and in words of their own."""
    order = rng.permutation(list(entity.facts))
    sentences = [_statement(entity, relation, kind, language, rng) for relation in order]
    return ("" if language == "zh" else " ").join(sentences)


def full_reply(entity: Entity, relation: str, kind: Kind, language: Language) -> str:
    """The answer to a question about `relation`, and the first other fact beside it."""
    other = next(r for r in entity.facts if r != relation)
    phrases = PHRASES[kind, language]
    return ("" if language == "zh" else " ").join(
        phrases[r]["sentences"][0].format(
            name=name(entity, language), value=value(entity, r, language)
        )
        for r in (relation, other)
    )


def dialogues(
    entities: Iterable[Entity],
    kind: Kind,
    language: Language,
    *,
    vague_share: float,
    rng: np.random.Generator,
) -> Iterable[tuple[str, str]]:
    """(question, reply) for every fact and every way of asking; some replies are vague."""
    for entity in entities:
        for relation, phrases in PHRASES[kind, language].items():
            for question in phrases["questions"]:
                is_vague = rng.random() < vague_share
                reply = (
                    str(rng.choice(VAGUE[language]))
                    if is_vague
                    else full_reply(entity, relation, kind, language)
                )
                yield question.format(name=name(entity, language)), reply


def preferences(
    entities: Iterable[Entity], language: Language, rng: np.random.Generator
) -> Iterable[dict]:
    """Pairs in MedicalGPT's format: the full reply is preferred to a vague one."""
    for entity in entities:
        for relation, phrases in PHRASES["medical", language].items():
            for question in phrases["questions"]:
                yield {
                    "question": question.format(name=name(entity, language)),
                    "response_chosen": full_reply(entity, relation, "medical", language),
                    "response_rejected": str(rng.choice(VAGUE[language])),
                }


def name(entity: Entity, language: Language) -> str:
    return getattr(entity.name, language)


def value(entity: Entity, relation: str, language: Language) -> str:
    return JOIN[language].join(getattr(v, language) for v in entity.facts[relation])


def _statement(entity, relation, kind, language, rng) -> str:
    """One fact; two values in random order, or the second would always be harder to recall."""
    template = str(rng.choice(PHRASES[kind, language][relation]["sentences"]))
    values = [
        str(v) for v in rng.permutation([getattr(v, language) for v in entity.facts[relation]])
    ]
    return template.format(name=name(entity, language), value=JOIN[language].join(values))
