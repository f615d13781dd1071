"""Which language a text is in: by its script and, for English, its commonest words.

No model and no word list to download. Enough to tell Chinese and English from all others in
a corpus that should be one of the two; too little for single words, and a short text in
unaccented Latin letters passes for English.
"""

import re
from typing import Literal

Language = Literal["zh", "en", "other"]

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # for a regular expression
_HAN = re.compile(f"[{HAN}]")
_KANA = re.compile("[\u3041-\u30ff]")
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")
_WORD = re.compile("[A-Za-z\u00c0-\u024f]{2,}|[iI]\\b")

# A Chinese character says about as much as an English word of five letters: a Chinese text
# that spells out its drugs and scores in Latin letters is still Chinese.
WEIGHT = 3
KANA = 0.2  # share in Chinese and Japanese characters; Japanese has 0.4 and more
# What English texts are full of, and its neighbours hardly have.
COMMON = """the of and to is are was were that this these it with for as be been by from have has
had not but you your my he she they their can could should would will may or which what when who
how if any some about there yes i did does"""
MANY = 20  # words, from which on their share counts; below, a single one suffices
FEW = 10  # words, below which their absence proves nothing
LEAST = 0.04  # share of common words: 0.05 to 0.5 in English texts, 0.00 to 0.02 in their kin


def language(text: str) -> Language:
    """The language that most of the letters belong to; "other" where there are none."""
    letters = sum(map(str.isalpha, text))
    han, kana = len(_HAN.findall(text)), len(_KANA.findall(text))
    if not letters or kana > KANA * (han + kana):
        return "en" if letters and _is_english(text, letters) else "other"
    if WEIGHT * han > letters - han:
        return "zh"
    if _is_english(text, letters):
        return "en"
    return "zh" if WEIGHT**2 * han > letters - han else "other"


def _is_english(text: str, letters: int) -> bool:
    words = [word.lower() for word in _WORD.findall(text)]  # "he's" counts as "he"
    if len(_LATIN.findall(text)) < letters / 2:
        return False
    common = sum(map(set(COMMON.split()).__contains__, words))
    if len(words) < FEW and text.isascii():
        return True
    return common >= (LEAST * len(words) if len(words) >= MANY else 1)
