"""Whether an example is worth keeping: the functions that a source names under `keep`.

    keep(example) -> True | (False, reason)

A reason begins with words that are the same for every example which one setting refuses, so
that they can be counted, and ends with what was found, in brackets. Nothing is changed here:
see `medllm.data.clean.alter`. Shares are in [0, 1].

What is said in a conversation is what the assistant says, and of a pair the reply that was
chosen: the user may write as badly as patients do, and a rejected reply may be bad.
"""

import re
from collections.abc import Sequence
from typing import Literal

from medllm.data.clean import language as languages
from medllm.data.clean import repetition
from medllm.data.clean.patterns import any_of
from medllm.data.corpus import text_of
from medllm.types import Conversation, Document, Example

Verdict = Literal[True] | tuple[Literal[False], str]

# What a wrong encoding leaves: the replacement character, private use, control characters
# that are no white space; "é" and quotes of UTF-8 read as Latin-1; "，。的是" of UTF-8 read as
# GBK, and "��" read so once more.
BROKEN = re.compile(
    "[\ufffd\ue000-\uf8ff\U000f0000-\U0010ffff\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]"
    "|Ã[\x80-\xbf]|â€|[锛銆鐨鏄]|锟斤拷"
)


def length(example: Example, *, shortest: int, longest: int) -> Verdict:
    """Characters of all turns together; both bounds are allowed."""
    return _within(len(text_of(example)), shortest, longest, "")


def reply_length(example: Example, *, shortest: int, longest: int) -> Verdict:
    """Characters of the longest reply: others may well be "You are welcome"."""
    if isinstance(example, Document):
        return True
    return _within(max(map(len, said(example)), default=0), shortest, longest, "reply ")


def language(example: Example, *, allowed: Sequence[Literal["zh", "en", "other"]]) -> Verdict:
    """See `medllm.data.clean.language`."""
    found = languages.language(text_of(example))
    return True if found in allowed else (False, f"language is {found}")


def letters(example: Example, *, least: float) -> Verdict:
    """Share of letters, Chinese characters among them, in what is not white space."""
    text = "".join(text_of(example).split())
    share = sum(map(str.isalpha, text)) / max(len(text), 1)
    return True if share >= least else (False, f"share of letters below {least} ({share:.2f})")


def unbroken(example: Example, *, most: float) -> Verdict:
    """Share of characters that a wrong encoding left and `alter.repair` could not mend."""
    text = text_of(example)
    share = len(BROKEN.findall(text)) / max(len(text), 1)
    return _at_most(share, most, "broken characters")


def repeated_lines(example: Example, *, most: float) -> Verdict:
    """Share of characters in lines that stood in the text before."""
    return _at_most(repetition.lines(_all_said(example)), most, "characters in repeated lines")


def repeated_ngrams(example: Example, *, n: int, most: float) -> Verdict:
    """Share of characters in sequences of `n` words that stood in the text before.

    The rule of Rae et al. 2021 (arXiv 2112.11446), table A1, where n is 5 to 10 and `most`
    0.15 to 0.10. A Chinese character counts as a word.
    """
    share = repetition.ngrams(_all_said(example), n)
    return _at_most(share, most, f"characters in repeated {n}-grams")


def top_ngram(example: Example, *, n: int, most: float) -> Verdict:
    """Share of characters in the sequence of `n` words that takes up most of the text.

    As `repeated_ngrams`; in the paper n is 2 to 4 and `most` 0.20 to 0.16.
    """
    share = repetition.top_ngram(_all_said(example), n)
    return _at_most(share, most, f"characters in one {n}-gram")


def boilerplate(example: Example, *, patterns: Sequence[str], most: float) -> Verdict:
    """Share of characters that one of the regular expressions matches."""
    text = text_of(example)
    matched = sum(len(match[0]) for match in any_of(patterns).finditer(text))
    return _at_most(matched / max(len(text), 1), most, "boilerplate")


def complete(example: Example, *, never_last: str) -> Verdict:
    """That no text ends in one of the characters `never_last`, as one does that was cut."""
    for text in said(example):
        if text.rstrip()[-1:] in tuple(never_last):
            return False, f"ends in the middle ({text.rstrip()[-1]})"
    return True


def answered(example: Example) -> Verdict:
    """That every question has a reply, and one that does not merely repeat it."""
    if not isinstance(example, Conversation):
        return True
    asked = ""
    for turn in example.turns:
        words = "".join(filter(str.isalnum, turn.text))
        if turn.role == "assistant":
            if not words:
                return False, "empty reply"
            if words == asked:
                return False, "reply repeats the question"
        asked = words
    return True


def said(example: Example) -> list[str]:
    """The text of a document, the assistant's turns, or the chosen reply."""
    match example:
        case Document():
            return [example.text]
        case Conversation():
            return [turn.text for turn in example.turns if turn.role == "assistant"]
    return [example.chosen]


def _all_said(example: Example) -> str:
    return "\n".join(said(example))


def _within(size: int, shortest: int, longest: int, what: str) -> Verdict:
    if size < shortest:
        return False, f"{what}shorter than {shortest} characters ({size})"
    if size > longest:
        return False, f"{what}longer than {longest} characters ({size})"
    return True


def _at_most(share: float, most: float, what: str) -> Verdict:
    return True if share <= most else (False, f"share of {what} above {most} ({share:.2g})")
