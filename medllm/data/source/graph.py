"""Knowledge graphs in words: prose to read, and questions with their answers.

    record -> Entity -> prose       a Document (Qilin-Med)
                     -> relations   a Conversation per relation or fact (PMC-LLaMA)
                     -> lessons     a Conversation per form that fits (BenTsao)

A sentence or form has {name}, and fields of the entity; its words are the source's to choose.
`unfound` reads facts back from what was written.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from medllm import prompt
from medllm.data.source.entity import Entity, Triple, keyed
from medllm.data.source.instruction import exchange
from medllm.data.source.record import Record
from medllm.errors import ConfigError, DataError
from medllm.types import Conversation, Document

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def prose(
    record: Record,
    id: str,
    *,
    entity: Callable[..., Entity],
    sentences: Mapping[str, str],
    otherwise: str | None,
    join: str,
) -> Document:
    """One sentence per line for each relation that leads somewhere, in the order given.

    Args:
        record: as `entity` takes it.
        id: of the record.
        entity: a function of entity, disease or ontology in `medllm.data.source`.
        sentences: relation to sentence, e.g. {"symptom": "{name}的症状包括：{value}。"}.
        otherwise: the sentence of any other relation, with {relation}; None leaves it out.
        join: between the values of a relation.

    Raises:
        DataError: if there is nothing to tell.
    """
    told = entity(record)
    lines = [line for _, line in _told(told, sentences, otherwise, join)]
    if not lines:
        raise DataError(f"has none of {', '.join(sentences)}" if sentences else "has no relation")
    return Document(id, "\n".join(lines))


def disease(record: Record, id: str, *, sentences: Mapping[str, str]) -> Document:
    """`prose` of a disease in Xywy's JSON lines, its values joined by "、"."""
    known = {field: value for field, value in record.items() if field in ("name", *sentences)}
    told = keyed(known, name="name")
    lines = [line for _, line in _told(told, sentences, None, "、")]
    if not lines:
        raise DataError(f"'{told.name}' has none of {', '.join(sentences)}")
    return Document(id, "\n".join(lines))


def relations(
    record: Record,
    id: str,
    *,
    entity: Callable[..., Entity],
    question: str,
    sentences: Mapping[str, str],
    otherwise: str | None,
    join: str | None,
) -> list[Conversation]:
    r"""A question for each relation, and as its answer the sentence that `prose` would write.

    PMC-LLaMA's prompt is to tell the relation of two terms; put the instruction itself before
    it by `medllm.data.source.instruction.instructed`.

    Args:
        record: as `entity` takes it.
        id: of the record.
        entity: see `prose`.
        question: with {name}, {relation} and {value}, e.g. "Term 1: {name}\nTerm 2: {value}".
        sentences: see `prose`.
        otherwise: see `prose`.
        join: between the values of a relation; None asks for each on its own.

    Raises:
        DataError: if there is nothing to ask.
    """
    asked = entity(record)
    if join is None:
        asked_of = [Entity(asked.name, {r: (value,)}) for _, r, value in asked.triples()]
    else:
        asked_of = [asked]
    pairs = [
        (prompt.fill(question, values), line)
        for each in asked_of
        for values, line in _told(each, sentences, otherwise, join or "")
    ]
    if not pairs:
        raise DataError(f"has none of {', '.join(sentences)}" if sentences else "has no relation")
    return [exchange(f"{id}/{k}", *pair) for k, pair in enumerate(pairs, start=1)]


def lessons(
    record: Record,
    id: str,
    *,
    entity: Callable[..., Entity],
    forms: Sequence[Mapping[str, str]],
    join: str,
) -> list[Conversation]:
    """A conversation for every form whose relations all lead somewhere.

    Args:
        record: as `entity` takes it.
        id: of the record.
        entity: see `prose`.
        forms: each a `question` and an `answer`, with {name} and {relations} of the entity,
            e.g. question "患者出现{symptom}，可能患有什么病？", answer "可能患有{name}。".
        join: between the values of a relation.

    Raises:
        ConfigError: a form without its question or its answer.
        DataError: if none fits.
    """
    asked = entity(record)
    values = {relation: join.join(objects) for relation, objects in asked.facts.items()}
    values = {relation: value for relation, value in values.items() if value}
    values["name"] = asked.name
    fitting = [form for form in forms if _placeholders(form) <= values.keys()]
    if not fitting:
        raise DataError("has not all the relations of any form")
    return [
        exchange(
            f"{id}/{k}", prompt.fill(form["question"], values), prompt.fill(form["answer"], values)
        )
        for k, form in enumerate(fitting, start=1)
    ]


def unfound(
    entity: Entity, text: str, *, sentences: Mapping[str, str], otherwise: str | None, join: str
) -> list[Triple]:
    """The facts that should be told and cannot be read back, with relation, from `text`.

    `text` is that of `prose`, or the answers of `relations`, one per line.
    """
    lost = []
    for fact in entity.triples():
        sentence = sentences.get(fact.relation, otherwise)
        if sentence is None:
            continue
        said = [join + value + join for value in _said(text, sentence, fact)]
        if not any(join + fact.object + join in value for value in said):
            lost.append(fact)
    return lost


def _told(
    entity: Entity, sentences: Mapping[str, str], otherwise: str | None, join: str
) -> Iterator[tuple[dict[str, str], str]]:
    """What fills each sentence, and the sentence filled."""
    others = [r for r in entity.facts if r not in sentences] if otherwise else []
    for relation in (*sentences, *others):
        if objects := entity.facts.get(relation):
            words = relation.replace("_", " ")
            values = {"name": entity.name, "relation": words, "value": join.join(objects)}
            yield values, prompt.fill(sentences.get(relation, otherwise or ""), values)


def _said(text: str, sentence: str, fact: Triple) -> list[str]:
    """What stands in `text` where `sentence` has {value}."""
    known = {"name": fact.subject, "relation": fact.relation.replace("_", " ")}
    pieces = re.split(r"(\{\w+\})", sentence)
    pattern = "".join(
        "(.*)" if piece == "{value}" else re.escape(known.get(piece.strip("{}"), piece))
        for piece in pieces
    )
    return re.findall(f"^{pattern}$", text, re.MULTILINE)


def _placeholders(form: Mapping[str, str]) -> set[str]:
    if missing := {"question", "answer"} - form.keys():
        raise ConfigError([f"a form of a lesson has no {' and no '.join(sorted(missing))}"])
    return set(_PLACEHOLDER.findall(form["question"] + form["answer"]))
