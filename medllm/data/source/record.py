"""One field of a raw record, as text.

Published corpora write the same thing as a string, a number, a list of paraphrases or
a list of lists; a missing value is absent, null or empty. Every `to_example` reads its
fields here, so all of them refuse the same things in the same words.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from medllm.errors import DataError

Record = Mapping[str, object]


class Malformed(NamedTuple):
    """What stands in a file where a record should, and why it is none."""

    reason: str
    raw: str


class MissingField(DataError):
    """A record without a field that its source needs."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"no field '{name}'")

    def __reduce__(self) -> tuple[type, tuple[str]]:
        """So that a worker process can send it home."""
        return type(self), (self.name,)


class MissingColumn(DataError):
    """A whole table without a column that its source needs; no record of it can be used."""


def text(record: Record, name: str) -> str:
    """The field `name`; dots lead into nested objects, and of a list the first counts.

    Raises:
        MissingField: if there is no such field.
        DataError: if it is null or empty, or neither text nor a number.
    """
    found = or_empty(record, name)
    if not found:
        raise DataError(f"field '{name}' is empty")
    return found


def or_empty(record: Record, name: str) -> str:
    """As `text`, but "" where the field is null or empty; it must be there all the same.

    Raises:
        MissingField: if it is not.
    """
    return _first(_field(record, name), name)


def optional(record: Record, name: str) -> str:
    """As `text`, but "" where the field is absent, null or empty."""
    return _first(record.get(name), name)


def joined(record: Record, names: Sequence[str]) -> str:
    """The fields `names`, one per line; empty ones are left out, but one must remain.

    Raises:
        MissingField: if a field is absent.
        DataError: if all are empty.
    """
    parts = [part for name in names if (part := or_empty(record, name))]
    if not parts:
        raise DataError(f"all of {', '.join(names)} are empty")
    return "\n".join(parts)


def _field(record: Record, name: str) -> object:
    if name in record:  # a name may hold a dot of its own
        return record[name]
    outer, dot, inner = name.partition(".")
    nested = record.get(outer)
    if not dot or not isinstance(nested, Mapping):
        raise MissingField(name)
    return _field(nested, inner)


def _first(value: object, name: str) -> str:
    if value is None:
        return ""
    if isinstance(value, str | int | float):
        return str(value).strip()
    if isinstance(value, Sequence):
        return _first(value[0], name) if value else ""
    raise DataError(f"field '{name}' is a {type(value).__name__}, not text")
