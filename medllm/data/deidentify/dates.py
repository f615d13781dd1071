"""Dates, with their parts, and ages over 90.

A year alone and the time of day stay, and so does an age of 90, which stands for all above:
the Safe Harbor rule of HIPAA, 45 CFR 164.514(b)(2).
"""

import re
from collections.abc import Callable

from medllm.data.deidentify.rule import Language, Rule, always

DIGITS = "0123456789"

YEAR, MONTH = r"(?P<year>(?:19|20)\d\d)", r"(?P<month>1[0-2]|0?[1-9])"
DAY = r"(?P<day>[12]\d|3[01]|0?[1-9])"
NAME = (
    r"(?P<name>(?=[A-Z])(?i:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?"
    r"|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?)"
)
TH = "(?P<th>st|nd|rd|th)?"
# Words that make "10年3月" a time that passed.
PASSED = "(?<!病史)(?<!病程)(?<!余)(?<!约)(?<!共)(?<!已)(?<!药)(?<!患病)(?<!龄)"
YEARS = "(?:years?|yrs?|y)"
BEFORE = re.compile(r"(?i)\b(?:in|on|of|by|from|since|until|till|after|before|to|and|this|last) $")


def is_date(match: re.Match[str]) -> bool:
    """Not the verb of "they may 6 times": May and March need a year or a word of time."""
    parts = match.groupdict()
    if parts["name"].lower() not in ("may", "march") or parts.get("year") or parts.get("th"):
        return True
    return bool(BEFORE.search(match.string[: match.start()]))


def rule(
    pattern: str,
    name: str,
    language: Language,
    *,
    needs: str = DIGITS,
    holds: Callable[[re.Match[str]], bool] = always,
) -> Rule:
    return Rule(
        name=name,
        kind="age" if name.startswith("age") else "date",
        language=language,
        pattern=re.compile(pattern),
        holds=holds,
        needs=needs,
    )


RULES = (
    rule(rf"(?<!\d){YEAR} ?年 ?{MONTH} ?月(?: ?{DAY} ?[日号])?", "date", "zh", needs="年"),
    rule(
        rf"{PASSED}(?<!\d)(?P<year>\d\d) ?年 ?{MONTH} ?月 ?{DAY} ?[日号]", "date", "zh", needs="年"
    ),
    rule(rf"{PASSED}(?<!\d)(?P<year>[012]\d) ?年 ?{MONTH} ?月(?! ?\d)", "date", "zh", needs="年"),
    rule(rf"(?<!\d)(?<!\d[.-]){MONTH} ?月 ?{DAY} ?[日号]", "date", "zh", needs="月"),
    rule(
        "(?P<year>[一二][〇零○一二三四五六七八九]{3})年(?P<month>十[一二]?|[一二三四五六七八九])月"
        "(?:(?P<day>[二三]?十[一二三四五六七八九]?|[一二三四五六七八九])[日号])?",
        "date",
        "zh",
        needs="年",
    ),
    rule(
        r"(?:日期|时间|生日|出生|[于在自])[: ]{0,2}"
        r"(?P<id>(?P<year>(?:19|20)\d\d)(?P<month>0[1-9]|1[0-2])(?P<day>[0-2]\d|3[01]))(?!\d)",
        "date",
        "zh",
    ),
    rule(
        r"(?:日期|时间|生日|[于在自至])[: ]{0,2}"
        r"(?P<id>(?P<year>(?:19|20)\d\d)[-/.](?P<month>0[1-9]|1[0-2]))(?![\d./-])",
        "date",
        "zh",
    ),
    rule(
        rf"(?<![\d./-]){YEAR} ?([-/.]) ?{MONTH} ?\2 ?{DAY}(?![./-]?\d(?!\d?:\d\d))", "date", "any"
    ),
    rule(rf"\b{YEAR}[ -]{NAME}[ -]{DAY}\b", "date_en", "en"),
    rule(rf"\b{NAME} {DAY}{TH}\b(?:,? {YEAR}\b)?", "date_en", "en", holds=is_date),
    rule(
        rf"(?<![\d.]){DAY}{TH}[ -](?:of )?{NAME}(?:,?[ -]{YEAR}\b)?", "date_en", "en", holds=is_date
    ),
    rule(rf"\b{NAME},? (?:of )?{YEAR}\b", "date_en", "en"),
    rule(rf"(?<![\d./-]){MONTH}([/-]){DAY}\2{YEAR}(?![./-]?\d)", "date_en", "en"),
    rule(
        rf"(?<![\d./-])(?P<day>1[3-9]|2\d|3[01])([/.-]){MONTH}\2{YEAR}(?![./-]?\d)",
        "date_en",
        "en",
    ),
    rule(rf"(?<![\d./-]){MONTH}/{DAY}/(?P<year>\d\d)(?![./-]?\d)", "date_en", "en"),
    rule(
        rf"\b(?:in|since|until|through) (?P<id>{MONTH}/(?P<year>\d\d))(?=[.,;)]|$| [a-z])",
        "date_en",
        "en",
    ),
    rule(rf"(?<![\d./-])(?P<month>1[0-2]|0[1-9])/{YEAR}(?![./-]?\d)", "date_en", "en"),
    rule(r"(?<![\d.~至到-])(?P<id>9[1-9]|1[0-2]\d) ?周?岁", "age", "zh", needs="岁"),
    rule(r"年龄[: ]{0,3}(?P<id>9[1-9]|1[0-2]\d)(?![\d./-])", "age", "zh", needs="龄"),
    rule(
        "(?<![一二三四五六七八九十百千])(?P<id>九十[一二三四五六七八九]|一百[零一二]?[一二三四五六七八九十]?)岁",
        "age",
        "zh",
        needs="岁",
    ),
    rule(
        rf"(?<![\d.-])(?P<id>9[1-9]|1[0-2]\d)(?= ?y/?o\b|[- ]?{YEARS}[-. ]{{0,2}}(?:old|o)\b)",
        "age_en",
        "en",
    ),
    rule(r"\b[Aa]ged?[: ]{0,2}(?:of )?(?:is )?(?P<id>9[1-9]|1[0-2]\d)\b(?![./%-])", "age_en", "en"),
    rule(
        r"\b(?P<id>[Nn]inety[- ](?:one|two|three|four|five|six|seven|eight|nine))"
        rf"(?=[- ]{YEARS}[- ]old)",
        "age_en",
        "en",
        needs="Nn",
    ),
)
