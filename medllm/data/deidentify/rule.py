"""One way of finding one kind of identifier, as data.

    text -> plain (full-width forms made half-width, one for one) -> Rule.find -> Found

Rules read the plain text, so a full-width figure, a dash of another kind or a space of no
width does not hide a number from them; places are the same in both.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "name", "date", "age", "phone", "email", "url", "ip", "identity_card", "ssn", "bank_card",
    "record", "account", "plate", "zip", "address", "hospital",
]  # fmt: skip

Language = Literal["zh", "en", "any"]
BEFORE, AFTER = 40, 60  # characters that are searched around what a rule looks near to

_PLAIN = {
    **{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)},  # full-width ASCII
    **dict.fromkeys(map(ord, "\u3000\xa0\u200b\u200c\u200d\ufeff\u2009\u202f"), " "),
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-"),
    **dict.fromkeys(map(ord, "’‘"), "'"),
}


def always(match: re.Match[str]) -> bool:
    """Every match is one."""
    return True


@dataclass(frozen=True, slots=True)
class Found:
    """An identifier in a text: where, by which rule, and what the rule made of it.

    text: the whole of it, in the plain form.
    parts: the named groups of the pattern, with their places from the start of `text`.
    """

    start: int
    end: int
    rule: str
    kind: Kind
    language: Literal["zh", "en"]
    text: str
    parts: dict[str, tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Finds one kind of identifier.

    Args:
        name: in the audit.
        kind: decides what takes its place.
        language: of the texts it is for, and of its tag.
        pattern: of the plain text. Its group `id` is what is removed; all of it, if none.
        holds: whether a match is one: checksums, dates that exist, words that are no names.
        needs: characters of which a text has at least one, or it is not searched.
        near: what a match is searched around, where the pattern itself is slow.
    """

    name: str
    kind: Kind
    language: Language
    pattern: re.Pattern[str]
    holds: Callable[[re.Match[str]], bool] = always
    needs: str = ""
    near: re.Pattern[str] | None = None

    def find(self, plain: str) -> Iterator[Found]:
        """Every match that holds, in order."""
        if self.needs and not any(each in plain for each in self.needs):
            return
        for start, end in self._windows(plain):
            for match in self.pattern.finditer(plain, start, end):
                if self.holds(match):
                    yield self._found(match)

    def _windows(self, plain: str) -> list[tuple[int, int]]:
        """The parts of the text that are searched."""
        if self.near is None:
            return [(0, len(plain))]
        windows: list[tuple[int, int]] = []
        for match in self.near.finditer(plain):
            start, end = max(0, match.start() - BEFORE), match.end() + AFTER
            if windows and start <= windows[-1][1]:
                start = windows.pop()[0]
            windows.append((start, end))
        return windows

    def _found(self, match: re.Match[str]) -> Found:
        spans = {name: match.span(name) for name, text in match.groupdict().items() if text}
        start, end = spans.pop("id", match.span())
        parts = {name: (first - start, last - start) for name, (first, last) in spans.items()}
        language = "zh" if self.language == "zh" else "en"
        text = match.string[start:end]
        return Found(start, end, self.name, self.kind, language, text, parts)


def either(expressions: str) -> str:
    """An expression that matches one of those, which are separated by white space."""
    return f"(?:{'|'.join(expressions.split())})"


def plain(text: str) -> str:
    """`text` as the rules read it; as long as it was."""
    return text.translate(_PLAIN)
