"""Records that lie in one JSON value: the elements of a list, or the values of an object.

The file is read twice: as far as the list or object in question, to see which it is, and
then for its records. Neither holds more than one record.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import Any, Literal

import ijson

from medllm.data.source.format.raw import Raw, Records
from medllm.data.source.format.stream import UNDECODABLE, Utf8
from medllm.data.source.record import Malformed

# A backslash that is text, a whole pair of surrogates, or half of one.
_ESCAPE = re.compile(
    rb"(\\\\|\\u[dD][89abAB]..\\u[dD][c-fC-F]..)|\\u[dD][89a-fA-F][0-9a-fA-F]{2}", re.DOTALL
)


def json_list(raw: Raw) -> Records:
    """The records of the list or object at `raw.at`, numbered from 1 as they come.

    What follows a place that is not JSON is lost, and said to be.
    """
    number = 0
    try:
        shape = _shape(raw)
        if isinstance(shape, Malformed):
            yield 1, shape
            return
        for number, record in enumerate(_records(raw, shape), start=1):
            yield number, _with_floats(record)
    except ijson.JSONError as error:
        yield number + 1, Malformed(_broken(str(error), number), "")


def _shape(raw: Raw) -> Literal["list", "object"] | Malformed:
    """What lies at `raw.at`."""
    with _Escaped(raw.path, raw.encoding) as file:
        events = ijson.parse(file)
        for prefix, event, _ in events:
            if prefix == (raw.at or "") and event != "map_key":
                break
        else:
            return Malformed(f"has nothing at '{raw.at}'; change the source's `at`", "")
        inside = [kind for _, kind, _ in islice(events, 2)]
    if event == "start_array":
        return "list"
    if event == "start_map" and inside in (["map_key", "start_map"], ["end_map"]):
        return "object"
    return Malformed(
        "is one value, not a list of records; is the list further in? then name its key in "
        "the source's `at`; is it one object per line? then set format: jsonl",
        "",
    )


def _records(raw: Raw, shape: Literal["list", "object"]) -> Iterator[Any]:
    with _Escaped(raw.path, raw.encoding) as file:
        if shape == "list":
            where = f"{raw.at}.item" if raw.at else "item"
            for value in ijson.items(file, where):
                yield _named(value)
        else:
            for key, value in ijson.kvitems(file, raw.at or ""):
                yield {**value, "key": key} if isinstance(value, dict) else value


def _named(value: Any) -> Any:
    """A record, where the element is a text or a list of turns."""
    if isinstance(value, str):
        return {"text": value}
    return {"turns": value} if isinstance(value, list) else value


def _with_floats(value: Any) -> Any:
    """`value` with its Decimals as floats, as in any other format.

    Ijson's own floats come with integers that must fit 64 bits, or the rest is not read.
    """
    try:
        return _floats(value)
    except RecursionError:
        return Malformed("is nested too deeply", "")


def _floats(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {key: _floats(inner) for key, inner in value.items()}
    return [_floats(inner) for inner in value] if isinstance(value, list) else value


class _Escaped(Utf8):
    """JSON in which no half of a surrogate pair is escaped, which ijson makes a ? or refuses."""

    kept = b""

    def read(self, size: int) -> bytes:
        """About `size` bytes, cut where no escape can stand; none at the end."""
        while size:
            piece = super().read(size)
            text = self.kept + piece
            end = 1 + max(text.rfind(mark) for mark in (b'"', b" ", b",")) if piece else len(text)
            self.kept = text[end:]
            if end or not piece:
                return _whole(text[:end])
        return b""


def _whole(text: bytes) -> bytes:
    if b"\\ud" not in text and b"\\uD" not in text:
        return text
    return _ESCAPE.sub(lambda found: found[1] or UNDECODABLE.encode(), text)


def _broken(error: str, number: int) -> str:
    # The lines after the first show the text, which may be a patient's.
    first = error.removeprefix("b'").split("\\n")[0].splitlines()[0]
    hint = "; is it one object per line? then set format: jsonl" * ("trailing garbage" in first)
    return f"not JSON after record {number}, and the rest is not read: {first}{hint}"
