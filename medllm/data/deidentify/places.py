"""Addresses, post codes and hospitals, by the words they are made of.

A province or a city alone stays: a street, a village or a house number makes an address, and
the name of a place or a number makes a hospital this hospital and not any.
"""

import re

from medllm.data.deidentify import words_en as en
from medllm.data.deidentify import words_zh as zh
from medllm.data.deidentify.rule import Rule, either

HAN, DIGITS = "[\u4e00-\u9fff]", "0123456789"
ANYWHERE, HOSPITAL = either(zh.ANYWHERE), either(zh.HOSPITALS)
PART = rf"(?:协和|和平|{HAN}(?<![{zh.EDGE}]))"  # one character of the name of a place
# The name of a place; where nothing shows its beginning, two characters.
BEGINS = rf"(?:(?<!{HAN})|(?<=[{zh.EDGE}省市州]))"
STEM = rf"(?!{ANYWHERE})(?:{BEGINS}{PART}{{1,5}}|{PART}{{2}})"
CITY = rf"(?:{either(zh.PLACES)}[省市]?|{STEM}(?:市|自治[州区]))"
COUNTY = rf"(?:{STEM}[区县旗])"
NUMBER = r"[\dA-Za-z一二三四五六七八九十甲乙丙丁-]{1,6}"
ROAD = rf"(?:(?:和平|向阳|自由|经{NUMBER}|{PART}{{1,7}}){either(zh.ROADS)})"
VILLAGE = rf"(?:{PART}{{1,7}}村(?:委会)?(?:{NUMBER}[组队社])?)"
UNIT = rf"{NUMBER}(?:号院?|弄|[栋幢座室]|单元)"
HOUSE = rf"(?:{UNIT}(?:{NUMBER}(?:号楼?|[栋幢座楼层室门户]|单元))*)"
COLLEGE = rf"(?:(?:{either(zh.PLACES)}|{STEM}){PART}{{0,3}}(?:大学|医学院|学院|军区))"
ORDINAL = r"(?:第?[\d一二三四五六七八九十]+)"

STREET = rf"(?:[A-Z][a-z'-]+ |\d+(?:st|nd|rd|th) ){{1,3}}{either(en.STREETS)}\b\.?"
FLAT = r"(?:,? ?(?:Apt|Apartment|Suite|Ste|Unit|Floor|Room)\.? ?#?\w{1,5}|,? #\w{1,5})"
TOWN = rf"(?:,? (?:[A-Z][a-z]+ ?){{1,3}},? {either(en.STATES)}\.? \d{{5}}(?:-\d{{4}})?)"

RULES = (
    Rule(
        name="address",
        kind="address",
        language="zh",
        pattern=re.compile(
            f"{CITY}{{0,2}}{COUNTY}?{ROAD}{{1,3}}{HOUSE}|{CITY}{{1,2}}{COUNTY}{ROAD}{{1,3}}"
            f"|{CITY}{{0,2}}{COUNTY}?{ROAD}{{0,2}}{VILLAGE}{HOUSE}"
            f"|{CITY}{{0,2}}{COUNTY}{ROAD}{VILLAGE}"
        ),
        near=re.compile(f"[区县旗]|{UNIT}"),
    ),
    Rule(
        name="address_named",
        kind="address",
        language="zh",
        pattern=re.compile(
            r"(?:(?<![件箱网P])地址|住址|家住|现住|居住地|户籍地?|籍贯|户口所在地|工作单位)(?:[是为在:]|\s){0,3}"
            rf"(?P<id>(?=[^,。;:()]{{0,30}}[路街巷村镇乡弄号栋幢室区])(?!{ANYWHERE})"
            rf"{HAN}[^\s,，。;:()、!?]{{3,39}})"
        ),
        needs="址住籍单户",
    ),
    Rule(
        name="hospital",
        kind="hospital",
        language="zh",
        pattern=re.compile(
            f"(?!(?:(?!医院){HAN}){{0,14}}?{either(zh.ASKED)})"
            f"(?:{CITY}{{1,2}}{COUNTY}?|{COUNTY}|{COLLEGE}){PART}{{0,4}}{ORDINAL}?{PART}{{0,8}}"
            f"{HOSPITAL}|{either(zh.KNOWN)}{PART}{{0,3}}医院"
        ),
        near=re.compile(HOSPITAL),
    ),
    Rule(
        name="address_en",
        kind="address",
        language="en",
        pattern=re.compile(
            r"\b\d{1,5}[A-Z]? (?:[NSEW]\.? |North |South |East |West )?"
            rf"{STREET}{FLAT}?{TOWN}?"
        ),
        needs=DIGITS,
    ),
    Rule(
        name="zip_en",
        kind="zip",
        language="en",
        pattern=re.compile(
            rf"(?:\b{either(en.STATES)}\.?,? |\b(?i:zip)(?: code)?:? )"
            r"(?P<id>\d{5}(?:-\d{4})?)\b"
        ),
        needs=DIGITS,
    ),
    Rule(
        name="zip",
        kind="zip",
        language="zh",
        pattern=re.compile(r"(?:邮编|邮政编码)[:是为 ]{0,3}(?P<id>\d{6})(?!\d)"),
        needs="邮",
    ),
    Rule(
        name="hospital_en",
        kind="hospital",
        language="en",
        pattern=re.compile(
            rf"\b(?!{either(en.ANYWHERE)}\b)(?:St\. )?[A-Z][\w.'-]+"
            rf"(?: (?:of )?[A-Z][\w.'-]*){{0,5}} {either(en.HOSPITALS)}\b"
        ),
        needs="HMCIN",
    ),
)
