"""Tables of diseases, a row to an Entity: 39Health's and ChatDoctor's."""

import ast
import re

from medllm.data.source import record as read
from medllm.data.source.entity import Entity, line_of, name_of
from medllm.data.source.record import Record
from medllm.errors import DataError

# 39Health's columns: those that hold one text, and those that hold a list parted by spaces.
TEXTS_39 = ("age", "infection", "insurance", "period", "rate", "money")
LISTS_39 = ("alias", "part", "department", "checklist", "symptom", "complication")
LISTS_39 += ("treatment", "drug")


def health39(record: Record) -> Entity:
    """39Health's row: lists parted by spaces, cut short by "..." and "[详细]", a link to more.

    github.com/zhihao-chen/QASystemOnMedicalGraph, whose build_graph.py parts them so.
    """
    facts = {field: _unless_nan(record, field) for field in TEXTS_39}
    facts |= {field: _spaced(record, field) for field in LISTS_39}
    return Entity(name_of(record, "name").removesuffix("..."), facts)


# ChatDoctor's columns that hold what Python prints of a list.
_CHATDOCTOR_LISTS = ("Symptom", "TestsAndProcedures", "commonMedications")
_ESCAPED = re.compile(r"(?:\\x[0-9a-f]{2})+")


def chatdoctor(record: Record) -> Entity:
    r"""A disease of ChatDoctor's table.

    `reason` describes it. Left out are those that end in a comma, the name of a drug that has
    slipped into the column (79 of our 480), and "X may refer to:". Characters beyond ASCII are
    written as bytes there, "\xe2\x80\x93".
    """
    reason = line_of(_ESCAPED.sub(_decoded, read.or_empty(record, "reason"))).replace("\\'", "'")
    is_description = reason and not reason.endswith((",", "may refer to:"))
    facts = {"reason": (reason,) if is_description else ()}
    facts |= {field: _printed_list(record, field) for field in _CHATDOCTOR_LISTS}
    return Entity(name_of(record, "disease"), facts)


def _unless_nan(record: Record, field: str) -> tuple[str, ...]:
    text = line_of(read.or_empty(record, field))
    return (text,) if text not in ("", "nan") else ()


def _spaced(record: Record, field: str) -> tuple[str, ...]:
    text = "".join(_unless_nan(record, field)).removesuffix("[详细]")
    if field == "alias":
        text = re.sub("[，、；,;]", " ", text)
    return tuple(text.replace("...", " ").split())


def _printed_list(record: Record, field: str) -> tuple[str, ...]:
    text = read.or_empty(record, field)
    try:
        items = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):  # as its manual lists
        raise DataError(f"field '{field}' is not a list as Python prints it: {text[:40]}") from None
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise DataError(f"field '{field}' is not a list of texts: {text[:40]}")
    return tuple(line for item in items if (line := line_of(item)))


def _decoded(escaped: re.Match[str]) -> str:
    try:
        return bytes.fromhex(escaped[0].replace("\\x", "")).decode()
    except UnicodeDecodeError:
        return escaped[0]
