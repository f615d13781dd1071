"""Terms of an ontology in OBO, such as the Human Disease Ontology, as Entities."""

import re
from collections.abc import Sequence

from medllm.data.source.entity import Entity, line_of, name_of, readable
from medllm.data.source.record import Record
from medllm.errors import DataError

_DEFINED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_SNAKE = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")


def term(record: Record) -> Entity:
    """A term of an ontology in OBO: its def, its synonym, and the names it is_a.

    Raises:
        DataError: the term is obsolete, or a value is not written as OBO writes it.
    """
    if _values(record, "is_obsolete") == ["true"]:
        raise DataError("the term is obsolete")
    defined = [_quoted(value, "def") for value in _values(record, "def")]
    facts = {
        "def": tuple(_SNAKE.sub(lambda name: readable(name[0]), text) for text in defined),
        "synonym": tuple(_quoted(value, "synonym") for value in _values(record, "synonym")),
        "is_a": tuple(_named(value) for value in _values(record, "is_a")),
    }
    return Entity(name_of(record, "name"), facts)


def _values(record: Record, tag: str) -> Sequence[str]:
    value = record.get(tag, [])
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list):
        raise DataError(f"tag '{tag}' is a {type(value).__name__}, not a list of values")
    return values


def _quoted(value: str, tag: str) -> str:
    """The text in quotes that `value` begins with."""
    found = _DEFINED.match(value)
    if not found:
        raise DataError(f"tag '{tag}' does not begin with a text in quotes: {value[:40]}")
    return line_of(re.sub(r"\\(.)", r"\1", found[1]))


def _named(value: str) -> str:
    """The name behind "DOID:162 ! cancer"."""
    _, mark, name = value.partition(" ! ")
    if not mark or not name.strip():
        raise DataError(f"tag 'is_a' has no name after ' ! ': {value[:40]}")
    return line_of(re.sub(r"\{.*\}", "", name))
