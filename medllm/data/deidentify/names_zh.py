"""Chinese names, by what stands around them: a title, a person, a label.

A name is a surname and one or two characters. Many surnames are words, or end words, so the
weaker the context, the more the name itself must look like one.
"""

import re

from medllm.data.deidentify import words_zh as words
from medllm.data.deidentify.rule import Rule, either

HAN = "[\u4e00-\u9fff]"
SURNAME = f"(?:{either(words.COMPOUND)}|[{words.SURNAMES}{words.AMBIGUOUS}])"
HIDDEN = "(?:某某?|[*×XxOo○]{1,3})"  # as doctors write: 张某, 李××
FULL = f"{SURNAME}(?:[{words.GIVEN}]{{1,2}}|{HIDDEN})"
ANY = f"{SURNAME}{HAN}{{1,2}}"
# What may follow a name that no title and no mark ends.
TAIL = (
    r"(?=$|[^\u4e00-\u9fffA-Za-z0-9]|[男女因于诉自今昨系代陪和与及在将被已曾的]|主诉|入院|出院|来诊|来院|既往"
    r"|家属|同意|签|\d{1,3} ?岁)"
)
# What follows a name of whatever characters.
CLEAR = re.compile(r"[, (]{1,2}(?:[男女]|今年|\d{1,3} ?岁)")
ENDING, NO_NAMES = frozenset(words.ENDING.split()), tuple(words.NO_NAMES.split())


def is_name(match: re.Match[str]) -> bool:
    """Whether the surname is none of the word before, and the name no word itself."""
    name, start = match["id"], match.start("id")
    if match.string[max(0, start - 1) : start + 1] in ENDING or name.startswith(NO_NAMES):
        return False
    return name[0] not in words.AMBIGUOUS or len(name) > 2 or _may_begin(match.string, start)


def is_clear_name(match: re.Match[str]) -> bool:
    """As `is_name`; an ambiguous surname needs three characters or a clearer context."""
    name, start = match["id"], match.start("id")
    is_clear = name[0] not in words.AMBIGUOUS or len(name) > 2 or "某" in name
    is_told = match.string[start - 1] in "名叫" or CLEAR.match(match.string, match.end("id"))
    return bool(is_clear or is_told) and is_name(match)


def is_given(match: re.Match[str]) -> bool:
    """What stands after a label is a name, unless it says that there is none."""
    return not re.match(either(words.UNNAMED), match["id"])


def _may_begin(text: str, at: int) -> bool:
    before = text[max(0, at - 1) : at]
    return not re.match(HAN, before) or before in words.OPENERS


RULES = (
    Rule(
        name="name_labelled",
        kind="name",
        language="zh",
        pattern=re.compile(
            rf"{either(words.NAMED)}(?:\([^()]{{0,8}}\))?: ?"
            rf"(?P<id>{HAN}{{2,8}}·{HAN}{{2,8}}|{HAN}{{2,4}}|{HAN}{{1,2}}{HIDDEN})"
            r"(?=$|[^\u4e00-\u9fff·]|性别|年龄|男|女)"
        ),
        holds=is_given,
        needs=":",
    ),
    Rule(
        name="name_titled",
        kind="name",
        language="zh",
        pattern=re.compile(f"(?=(?P<id>{SURNAME}[{words.GIVEN}]{{0,2}}){either(words.TITLES)})"),
        holds=is_name,
    ),
    Rule(
        name="name_person",
        kind="name",
        language="zh",
        pattern=re.compile(
            rf"{either(words.PERSONS)}(?:\([^()]{{0,8}}\))?:? ?"
            rf"(?P<id>{FULL}{TAIL}|{ANY}(?=[, (]{{1,2}}[男女]))"
        ),
        holds=is_clear_name,
    ),
    Rule(
        name="name_self",
        kind="name",
        language="zh",
        pattern=re.compile(
            f"(?:我叫|名叫|叫做|我是|本人|名字[是叫])(?P<id>{FULL}{TAIL}|(?<=叫){ANY}(?!{HAN}))"
        ),
        holds=is_clear_name,
        needs="叫我本名",
    ),
    Rule(
        name="surname_self",
        kind="name",
        language="zh",
        pattern=re.compile(f"(?:我|免贵|患者|病人)姓(?P<id>{SURNAME})(?!名)"),
        needs="姓",
    ),
    Rule(
        name="name_hidden",
        kind="name",
        language="zh",
        pattern=re.compile(
            rf"(?P<id>{SURNAME}(?:[*×]{{2}}"
            r"|某某?(?![一二三四五几些种个人物病日年月天药处地方项类次院段])))"
        ),
        holds=is_name,
        needs="某*×",
    ),
)
