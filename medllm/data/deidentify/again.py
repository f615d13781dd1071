"""Names that a document has told already, wherever else they stand in it."""

import re
from collections.abc import Iterable, Iterator, Sequence

from medllm.data.deidentify.names_en import NO_EPONYM
from medllm.data.deidentify.rule import Found
from medllm.data.deidentify.words_en import WORDS


def known_names(found: Iterable[Found]) -> list[str]:
    """Whole names among `found`, and the last names of whole English ones, the longest first."""
    names: set[str] = set()
    for each in found:
        if each.kind == "name" and each.language == "zh":
            is_whole = len(each.text) > 1 and each.text.isalpha() and "某" not in each.text
            names |= {each.text} if is_whole else set()
        elif each.kind == "name":
            names |= {each.text, *re.findall(r"[A-Z][\w'-]{3,}", each.text)} - set(WORDS.split())
    return sorted((name for name in names if len(name) > 1), key=lambda name: (-len(name), name))


def mentions(text: str, names: Sequence[str]) -> Iterator[Found]:
    """Every place where one of `names` stands in the plain text.

    A Chinese name of two characters may be a word, so nothing may follow that could be one.
    """
    for name in names:
        is_chinese = bool(re.match("[\u4e00-\u9fff]", name))
        edge = r"(?![\u4e00-\u9fff])" if len(name) == 2 else ""
        english = rf"\b{re.escape(name)}\b{NO_EPONYM}"
        for match in re.finditer(re.escape(name) + edge if is_chinese else english, text):
            language = "zh" if is_chinese else "en"
            yield Found(match.start(), match.end(), "name_again", "name", language, name, {})
