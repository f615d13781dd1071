"""Books without the lines that are not their text; each removal is a function from text to text.

    author_lists   contents   references

PMC-LLaMA removes them (Wu et al. 2023, arXiv 2304.14454); its code for it is not published. A
source names in `alter` those it wants. What a sentence merely mentions is removed by
`medllm.data.source.mentions`, running heads and page numbers by `medllm.data.clean.alter`.
"""

import re
from collections.abc import Callable
from itertools import groupby

from medllm.data.source.mentions import NAME, YEAR

_ROLE = (
    r"(?:(?:senior |contributing )*authors?|contributors?|editors?|edited by|written by|advisors?"
    r"|translators?|reviewers?|作者|编者|主编|副主编|编著|主审|译者|校对)"
)
_CREDIT = re.compile(rf"{_ROLE}\s*[:：]\s*\S.*", re.IGNORECASE)
_CREDITS = re.compile(rf"^{_ROLE}[ \t]*\n\s*(\S.*)\n?", re.IGNORECASE | re.MULTILINE)
_DEGREE = r"(?:M\.?D|Ph\.?D|M\.?Sc|MPH|MBBS|FRCP|FACP|RN|DDS|DO|BSc|MS|MA)\.?"
_PERSON = rf"(?:{NAME} )+{NAME}(?:, {_DEGREE})+"
_PERSONS = re.compile(rf"(?:By )?{_PERSON}(?:(?:[,;]| and|, and) {_PERSON})*[.;]?")

LONGEST_ENTRY = 200  # characters of a line of a table of contents
_CONTENTS = re.compile(r"(?:table of )?contents|目\s*[录錄次]", re.IGNORECASE)
_ENTRY = re.compile(r".*\S(?:\s?(?:\.\s?){3,}|\s?[…·]{2,}|\t+| {3,})\s*(?:\d{1,4}|[ivxlc]{1,6})")
_REFERENCES = re.compile(
    r"(?:references?|bibliography|further reading|suggested readings?|works cited|literature cited"
    r"|参考文献|主要参考文献|参考书目)\s*[:：]?",
    re.IGNORECASE,
)
# By its number or an initial in front, an address, or a year beside what only references have.
_REFERENCE = re.compile(
    r"\[\d+\].*|\d{1,3}\. .*|.*https?://.*|.*\bdoi:.*"
    rf"|[A-Z][\w'’-]+,? [A-Z]{{1,3}}[.,].*\b{YEAR}\b.*"
    rf"|(?=.*\b{YEAR}).*(?:\d+ ?\(\d+\)|\d+[:：] ?\d+[–-]\d+|\[[A-Z]\]|\[Internet\]|\[cited"
    r"|\bet al\b|\bPress\b|\bpp?\. ?\d|\beds?\.|出版社|学报|杂志).*"
)


def author_lists(text: str) -> str:
    """Without lines that name authors: after "Authors:" or 主编：, below it, or with degrees."""
    text = _CREDITS.sub(lambda found: "" if _are_names(found[1]) else found[0], text)
    return _without(text, lambda line: bool(_CREDIT.fullmatch(line) or _PERSONS.fullmatch(line)))


def contents(text: str) -> str:
    """Without tables of contents: three or more lines on end that end in dots and a page."""
    kept: list[str] = []
    for is_table, run in groupby(text.split("\n"), _in_contents):
        lines = list(run)
        if not is_table or sum(map(_is_entry, lines)) < 3:
            kept += lines
    return "\n".join(kept)


def references(text: str) -> str:
    """Without lists of references: the heading and the paragraphs below that are one.

    The first paragraph that does not look like a reference ends the list.
    """
    kept: list[str] = []
    is_within = False
    for line in text.split("\n"):
        is_listed = is_within and (not line.strip() or _REFERENCE.fullmatch(line.strip()))
        is_within = bool(is_listed or _REFERENCES.fullmatch(line.strip()))
        if not is_within:
            kept.append(line)
    return "\n".join(kept)


def _without(text: str, is_unwanted: Callable[[str], bool]) -> str:
    return "\n".join(line for line in text.split("\n") if not is_unwanted(line.strip()))


def _are_names(line: str) -> bool:
    words = line.split()
    return len(words) > 1 and sum(word[0].isupper() for word in words) > 0.7 * len(words)


def _in_contents(line: str) -> bool:
    return not line.strip() or bool(_CONTENTS.fullmatch(line.strip())) or _is_entry(line)


def _is_entry(line: str) -> bool:
    return len(line) <= LONGEST_ENTRY and bool(_ENTRY.fullmatch(line))
