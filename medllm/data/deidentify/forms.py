"""A surrogate written in the form of what it takes the place of."""

import re
from datetime import date, timedelta

from medllm.data.deidentify import words_en, words_zh
from medllm.data.deidentify.checks import bare, check_figure, is_date, luhn
from medllm.data.deidentify.rule import Found, either

STEMS = "甲乙丙丁戊己庚辛壬癸"
TAGS = {
    "name": "姓名",
    "date": "日期",
    "age": "年龄",
    "phone": "电话",
    "email": "邮箱",
    "url": "网址",
    "ip": "网址",
    "identity_card": "证件",
    "ssn": "证件",
    "bank_card": "卡号",
    "record": "编号",
    "account": "账号",
    "plate": "车牌",
    "zip": "邮编",
    "address": "地址",
    "hospital": "医院",
}
NUMERALS = str.maketrans("0123456789", "〇一二三四五六七八九")


def tag(found: Found, number: int) -> str:
    """What it was, and which in its document: "<姓名1>", "<NAME1>"."""
    name = TAGS[found.kind] if found.language == "zh" else found.kind.upper()
    return f"<{name}{number}>"


def age(text: str) -> str:
    """90, for all above."""
    if text[0] in "nN":
        return text[0] + "inety"
    return "90" if text.isdigit() and text.isascii() else "九十"


def hospital_en(text: str, town: str) -> str:
    """The suffix of `text` after a town that there is not."""
    suffix = re.search(f"{either(words_en.HOSPITALS)}$", text)
    assert suffix, "the rule for hospitals ends in one of these"
    return f"{town} {suffix[0]}"


def identity_card(text: str, number: int, days: int) -> str:
    """Of a province that there is not, with the birthday moved."""
    size = len(bare(text))
    born = bare(text)[6:14] if size == 18 else "19" + bare(text)[6:12]
    parts = (int(born[:4]), int(born[4:6]), int(born[6:])) if born.isdigit() else (0, 0, 0)
    if size not in (15, 18) or not is_date(*parts):
        return filled(text, f"{number:0{size}d}")
    moved = (date(*parts) + timedelta(days)).strftime("%Y%m%d")
    if size == 15:
        return filled(text, f"999999{moved[2:]}{number % 1000:03d}")
    digits = f"999999{moved}{number % 1000:03d}"
    return filled(text, digits + check_figure(digits))


def numbered(found: Found, number: int) -> str:
    """The `number`-th of its kind in a document."""
    text, size = found.text, len(bare(found.text))
    match found.kind:
        case "phone":
            return filled(text, _phone(bare(text), number, found.language))
        case "bank_card":
            digits = f"999999{number:0{size - 7}d}"
            return filled(text, digits + str(-luhn(digits + "0") % 10))
        case "record":
            figures = sum(map(str.isdigit, text))
            new = iter(f"{number:0{figures}d}"[-figures:])
            return "".join(next(new) if each.isdigit() else each for each in text)
        case "plate":
            return filled(text, text[0] + f"{number:0{size - 1}d}")
        case "account" if not text.isdigit():
            return f"user{number:04d}"
        case "email":
            return f"user{number}@example.com"
        case "url":
            return f"https://example.com/{number}"
        case "ip":
            return f"192.0.2.{number % 256}"
        case "zip":
            return filled(text, "0" * size)
        case "hospital":
            suffix = next(each for each in words_zh.HOSPITALS.split() if text.endswith(each))
            return f"某{STEMS[(number - 1) % 10]}{suffix}"
        case "address" if found.language == "zh":
            return f"某市某区某路{number}号"
        case "address":
            return f"{number} Example Street" + ", Anytown, ZZ 00000" * text[-5:].isdigit()
    return filled(text, f"{number:0{size}d}"[-size:])


def filled(form: str, characters: str) -> str:
    """`form` with its letters and figures replaced, one by one."""
    new = iter(characters)
    return "".join(next(new, "0") if each.isalnum() else each for each in form)


def _phone(figures: str, number: int, language: str) -> str:
    """Of a range that is given to nobody: 100..., and 555-01xx of an area that is not."""
    size = len(figures)
    if not figures.isascii():
        return _phone("1" + "0" * (size - 1), number, language).translate(NUMERALS)
    if size == 11 and figures[0] == "1":
        return f"100{number:08d}"
    if size == 10 and language == "en":
        return f"00055501{number % 100:02d}"
    return f"{number:0{size}d}"
