"""The options of an exam question, and the letters of the right ones."""

import re
from collections.abc import Mapping
from string import ascii_uppercase

from medllm.data.source import record as read
from medllm.data.source.record import MissingField, Record
from medllm.errors import DataError

# "A xxx", as CMExam publishes it; others write "A. xxx", "A.xxx" and "A、xxx".
_OPTION = re.compile(r"([A-Z])\s*[.、．:：\s]\s*(\S.*)", re.DOTALL)


def options(record: Record, name: str) -> dict[str, str]:
    r"""Letter to text: of an object, a list, or text with one option per line.

    Some copies write the line break as backslash and n. Empty options of an object are left
    out.

    Raises:
        MissingField: if there is no such field.
        DataError: if it is empty or something else, or a letter is missing or there twice.
    """
    if name not in record:
        raise MissingField(name)
    value = record[name]
    if not value:
        raise DataError(f"field '{name}' is empty")
    if isinstance(value, Mapping):
        return {letter: text for letter in value if (text := read.or_empty(value, letter))}
    if isinstance(value, str):
        value = re.split(r"\n|\\n", value)
    if not isinstance(value, list):
        raise DataError(f"field '{name}' is a {type(value).__name__}, not options")
    found: dict[str, str] = {}
    for line in map(str, value):
        match = _OPTION.fullmatch(line.strip())
        if not match:
            raise DataError(f"option '{line}' does not start with a letter")
        if match[1] in found:
            raise DataError(f"option {match[1]} is there twice")
        found[match[1]] = match[2]
    return found


def letters(answer: str, options: Mapping[str, str]) -> str:
    """The letters of an answer like "BA" or "A, B", sorted.

    Raises:
        DataError: if there are fewer than two options, or others than those of the answer.
    """
    found = "".join(sorted(set(answer) - set(" ,，、")))
    if len(options) < 2:
        raise DataError(f"there are {len(options)} options, and nothing to choose")
    if not found or not set(found) <= options.keys():
        raise DataError(f"answer '{answer}' is not among the options {''.join(options)}")
    return found


def letter(number: str, first: int, count: int) -> str:
    """The letter of the option with this number, where the first of `count` has `first`.

    Raises:
        DataError: if it is not a number of theirs.
    """
    if not number.isdecimal() or not first <= int(number) < first + count:
        raise DataError(f"answer '{number}' is not a number from {first} to {first + count - 1}")
    return ascii_uppercase[int(number) - first]
