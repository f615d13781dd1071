"""Reads the letters a reply settles on, or nothing.

    "答案是C。…" · "C. …" · "**C**" · "… Therefore, the answer is C."   -> "C"
    "A、B和D" · "ABD"                                                    -> "ABD"
    a refusal · "AI" · "A或B" · "答案是A。……不，答案是C。"                  -> None

Strict: a reply is read only where it says which letters it means, and only if it says the
same everywhere. Letters that merely occur (维生素C, "A patient") are never taken: released
scorers that take them give 18 % to refusals that call themselves AI. Nor is a verdict on one
option ("A正确", "B is wrong"): many questions ask for the wrong one.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

# What may stand between the words that announce an answer and its letters.
FILLER = r"[\s:\[(\"“「】]*(?:(?:选项|选择|选|(?i:options?|choices?)\b)[\s:\[(\"“「]*)?"
ANNOUNCED = (
    r"答案(?:应该?|就)?[是为选]?|答(?=\s*:)"
    r"|正确的?(?:选项|选择)(?:应该?|就)?[是为]?"
    r"|(?<![不非])(?<!无法)(?<!不能)(?<!不应)选择?(?!项)"
    r"|(?i:\b(?:answers?|(?:correct|right|best) (?:options?|choices?))\s*(?:is|are|:))"
    r"|(?i:\bi (?:would )?(?:choose|select|pick)\b)"
)
# Bold that closes ends the answer, as a full stop would: "**C** Mannitol is ...".
EMPHASISED = re.compile(r"\*\*([A-Z]+)\*\*(?=\s+(?!(?:and|or)\b)[A-Za-z])")
EITHER = r"(?:或者?|还是|\bor\b)"


def read(reply: str, letters: Sequence[str]) -> str | None:
    """The letters a reply answers with, sorted and joined, or None if it cannot be told.

    Args:
        reply: what the model wrote, Chinese or English.
        letters: of the options the question has; others are not letters of an answer.
    """
    text = EMPHASISED.sub(r"\1.", unicodedata.normalize("NFKC", reply))
    text = re.sub(r"[*_`#]", "", text)
    announced, alone, opening = _patterns("".join(letters))
    found = announced.findall(text) + alone.findall(text) or opening.findall(text)
    settled = {_letters(group) for group in found}
    return settled.pop() if len(settled) == 1 else None


def explanation(reply: str) -> str:
    """What follows "解释：", "解析：" or "Explanation:" in a reply, or all of it."""
    label = r"[【\[*]*(?:解释|解析|(?i:\bexplanation))[】\]*]*\s*[:：】\]][】\]*\s]*"
    return re.split(label, reply, maxsplit=1)[-1].strip()


def _letters(group: str) -> str | None:
    """Sorted letters of "A、B和D"; None for "A or B", which settles on nothing."""
    if re.search(EITHER, group):
        return None
    return "".join(sorted(set(re.findall("[A-Z]", group))))


@lru_cache
def _patterns(letters: str) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Finders of announced answers, of lines with only an answer, and of lines opened by one."""
    one = f"[{re.escape(letters)}]"
    # A comma and a letter go on with the list, or with a verdict: "C, A is wrong".
    verdict = r"(?:选?项?是?[错不]|\s+(?:is|was)\s+(?:wrong|incorrect|false|not)\b)"
    joint = (
        rf"\s*(?:,(?:\s*and\b)?(?!\s*{one}{verdict})|[、;&+/]|以及|[和与及]|\band\b|{EITHER})\s*"
    )
    group = rf"{one}(?:(?:{joint})?{one})*"
    # Reading less of a list than there is would be reading it wrongly.
    stop = rf"\s*(?:[.。:!)\]\"”」】]|[、;](?!\s*{one})|,(?!\s*{one}(?!{verdict})))"
    # A letter that begins a word is no answer: "AI", "B超", "C反应蛋白". Nor is an article:
    # "Answer: A beta blocker", though "Answer: A because ..." is one.
    article = r"(?!A +(?!(?:because|since|as|is|and|or)\b)[a-z])"
    after = r"\s*$|\s+\W*\w|选?项|正确|[都均是对两三四五]"
    return (
        re.compile(rf"(?:{ANNOUNCED}){FILLER}{article}({group})(?={stop}|{after})", re.MULTILINE),
        re.compile(rf"^[ (\[]*({group})[ .。)\]]*$", re.MULTILINE),
        re.compile(rf"^[ (\[]*({group})(?:{stop}|\s+(?![A-Za-z]))", re.MULTILINE),
    )
