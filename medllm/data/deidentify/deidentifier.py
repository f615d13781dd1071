"""Names, numbers, dates and places that point to a person, replaced by surrogates.

    texts of one document -> rules -> Found -> again: known names -> Surrogates -> new texts
                                                                               -> Removals

It lowers a risk and certifies nothing: rules find what they were written for, and no more.
It is no proof of compliance with HIPAA, PIPL or any other law; have people read samples, and
keep the corpus where its originals may be kept. What was measured stands in
experiments/performance/data/deidentify.md.
"""

import functools
import hmac
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from medllm.data.deidentify import dates, names_en, names_zh, numbers, places
from medllm.data.deidentify.again import known_names, mentions
from medllm.data.deidentify.rule import Found, Rule, plain
from medllm.data.deidentify.surrogates import Surrogates
from medllm.errors import ConfigError

# Where two overlap, the earlier counts.
RULES: tuple[Rule, ...] = (
    *numbers.RULES,
    *dates.RULES,
    *places.RULES,
    *names_zh.RULES,
    *names_en.RULES,
)


@dataclass(frozen=True, slots=True)
class Removal:
    """What was done at one place; never what stood there.

    rule: the name of the rule.
    text: which of the texts, from 0.
    start, end: of the surrogate, in the new text.
    removed: characters that were there before.
    """

    rule: str
    text: int
    start: int
    end: int
    removed: int


@dataclass(frozen=True, kw_only=True)
class Deidentifier:
    """Replaces identifiers, the same by the same within a document.

    Args:
        languages: of the texts; rules for others are not tried.
        style: surrogate, fluent text of the same form; tag, "<姓名1>" or "<NAME1>".
        seed: what the surrogates and the days by which a document's dates move depend on,
            together with the id of the document. A number, if they need be no secret: it
            stands in the config, and who has it can move the dates back. Else the name of an
            environment variable that holds the secret.
        rules: the names of those to apply; None for all.
        also: a further finder, plain text -> Found; see `medllm.data.deidentify.presidio`.
    """

    languages: Sequence[Literal["zh", "en"]]
    style: Literal["surrogate", "tag"]
    seed: int | str
    rules: Sequence[str] | None = None
    also: Callable[..., Iterable[Found]] | None = None

    def __post_init__(self) -> None:
        known = list(dict.fromkeys(rule.name for rule in RULES))
        for name in self.rules or ():
            if name not in known:
                allowed = ", ".join(known)
                raise ConfigError([f"deidentify.rules: {name!r} is not one of {allowed}"])

    def apply(self, id: str, texts: Sequence[str], /) -> tuple[tuple[str, ...], list[Removal]]:
        """The texts of one document, and what was removed.

        Args:
            id: of the document; another id gives other surrogates.
            texts: any number, such as the turns of a conversation.

        Raises:
            ConfigError: the environment variable named by `seed` is not set.
        """
        found = self.find(texts)
        names = known_names(each for some in found for each in some)
        key = hmac.digest(_secret(self.seed), id.encode(), "sha256")
        surrogates = Surrogates(key, is_tagged=self.style == "tag", names=names)
        new, removals = [], []
        for number, (text, some) in enumerate(zip(texts, found, strict=True)):
            new.append(_replaced(text, some, surrogates, number, removals))
        return tuple(new), removals

    def find(self, texts: Sequence[str], /) -> list[list[Found]]:
        """Every identifier in each of the texts of one document, in order."""
        plains = [plain(text) for text in texts]
        found = [self._found(text) for text in plains]
        names = known_names(each for some in found for each in some)
        return [
            _apart([*some, *mentions(text, names)])
            for some, text in zip(found, plains, strict=True)
        ]

    def _found(self, text: str) -> list[Found]:
        chosen = _chosen(tuple(self.languages), None if self.rules is None else tuple(self.rules))
        found = [each for rule in chosen for each in rule.find(text)]
        return _apart([*found, *self.also(text)] if self.also else found)


def _replaced(
    text: str, found: Sequence[Found], surrogates: Surrogates, number: int, removals: list[Removal]
) -> str:
    """`text` with surrogates; every one is added to `removals`."""
    new, done = "", 0
    for each in found:
        new += text[done : each.start]
        surrogate = surrogates.of(each)
        end = len(new) + len(surrogate)
        removals.append(Removal(each.rule, number, len(new), end, each.end - each.start))
        new, done = new + surrogate, each.end
    return new + text[done:]


def _apart(found: Sequence[Found]) -> list[Found]:
    """Those that overlap no earlier one, in the order of the text."""
    taken = bytearray(max((each.end for each in found), default=0))
    kept: list[Found] = []
    for each in found:
        if not any(taken[each.start : each.end]):
            taken[each.start : each.end] = b"\1" * (each.end - each.start)
            kept.append(each)
    return sorted(kept, key=lambda each: each.start)


@functools.cache
def _chosen(languages: tuple[str, ...], names: tuple[str, ...] | None) -> list[Rule]:
    return [
        rule
        for rule in RULES
        if rule.language in ("any", *languages) and (names is None or rule.name in names)
    ]


def _secret(seed: int | str) -> bytes:
    if isinstance(seed, int):
        return str(seed).encode()
    if not (secret := os.environ.get(seed)):
        refusal = f"deidentify.seed={seed}: no such environment variable is set"
        raise ConfigError([f"{refusal}; export it, or give a number"])
    return secret.encode()
