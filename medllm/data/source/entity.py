"""What a record of a knowledge graph says of one thing, in one form for all graphs.

    keyed                     Xywy, cMeKG      disease.health39, disease.chatdoctor    tables
    triple, grouped           SPO, UMLS        ontology.term                           OBO

A relation is named as its graph names it; `medllm.data.source.graph` puts it in words.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from medllm.data.source import record as read
from medllm.data.source.record import MissingField, Record
from medllm.errors import DataError


class Triple(NamedTuple):
    """One fact: "flu", "symptom", "fever"."""

    subject: str
    relation: str
    object: str


@dataclass(frozen=True, slots=True)
class Entity:
    """A thing and, for each relation, what it leads to, in the order of the record.

    A relation that leads nowhere is there all the same. No text spans lines.
    """

    name: str
    facts: Mapping[str, tuple[str, ...]]

    def triples(self) -> Iterator[Triple]:
        """All facts, one by one."""
        for relation, objects in self.facts.items():
            for each in objects:
                yield Triple(self.name, relation, each)


def keyed(record: Record, *, name: str, ignored: Sequence[str] = ()) -> Entity:
    """Every field but `name` is a relation, to a text or a list of texts.

    Args:
        record: Xywy's disease, or cMeKG's {"中心词": …, "相关疾病": […], …}.
        name: the field that names the thing.
        ignored: fields that say nothing of it, such as Mongo's _id.
    """
    others = [field for field in record if field != name and field not in ignored]
    return Entity(name_of(record, name), {field: _texts(record, field) for field in others})


def triple(record: Record, *, subject: str, relation: str, object: str) -> Entity:
    """One fact, as an entity that has no other.

    Args:
        record: a row of a file of triples.
        subject: a field; names_like_this are written with spaces.
        relation: a field; its value names the relation, and stays as it is.
        object: a field, as `subject`.
    """
    facts = {read.text(record, relation): (readable(name_of(record, object)),)}
    return Entity(readable(name_of(record, subject)), facts)


def grouped(record: Record, *, subject: str, relation: str, object: str) -> Entity:
    """The facts of one subject, of a record that `medllm.data.source.grouped` has made.

    Args:
        record: with `records`, the rows of the subject.
        subject: a field of a row, and so on, as in `triple`.
        relation: likewise.
        object: likewise.
    """
    rows = record.get("records")
    if not isinstance(rows, list) or not rows:
        raise MissingField("records")
    try:
        singles = [triple(row, subject=subject, relation=relation, object=object) for row in rows]
    except MissingField as error:  # of a row, while the record of the source has its `records`
        raise DataError(f"a row of the group has no field '{error.name}'") from None
    facts: dict[str, tuple[str, ...]] = {}
    for single in singles:
        for name, objects in single.facts.items():
            facts[name] = tuple(dict.fromkeys((*facts.get(name, ()), *objects)))
    return Entity(singles[0].name, facts)


def name_of(record: Record, field: str) -> str:
    return line_of(read.text(record, field))


def line_of(text: str) -> str:
    return " ".join(text.split())


def readable(name: str) -> str:
    return name.replace("_", " ")


def _texts(record: Record, field: str) -> tuple[str, ...]:
    """A text, a number or a list of them; null and empty ones are none."""
    value = record[field]
    items = value if isinstance(value, list) else [value]
    if not all(item is None or isinstance(item, str | int | float) for item in items):
        raise DataError(
            f"field '{field}' is a {type(value).__name__}, not a text or a list of texts"
        )
    return tuple(line for item in items if item is not None and (line := line_of(str(item))))
