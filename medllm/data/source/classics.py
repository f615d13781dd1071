r"""Classical Chinese medical books as github.com/xiaopangxia/TCM-Ancient-Books writes them.

    <篇名>伤寒论            <篇名>   title of the book, then of each section
    书名：… 作者：… 年份：   of the book
    <目录>卷一\序例上      where the section stands in the book
    内容：… or 属性：…      its text; \x…\x is set off, \r…\pt1.bmp\r is a picture

Both functions are from text to text, for `alter`.
"""

import re
from collections import Counter
from itertools import pairwise

_FACTS = re.compile(r"^(?:书名|作者|朝代|年份)：.*\n", re.MULTILINE)
_PLACES = re.compile(r"^<目录>.*\n?", re.MULTILINE)
_PICTURES = re.compile(r"\\r[^\\\n]*\\[^\\\n]*\.bmp\\r")
_MARKS = re.compile(r"^<篇名>|^(?:内容|属性)：|\\x", re.MULTILINE)
_HEADER = re.compile(r"\A(?:\s*(?:<篇名>|书名：|作者：|朝代：|年份：).*\n)+")

LONG = 30  # characters of a line that may have been broken for the page's width


def marks(text: str) -> str:
    """Without marks, places and pictures; titles stay, and so does all of the text."""
    text = _HEADER.sub(lambda header: _FACTS.sub("", header[0]), text)
    text = _MARKS.sub("", _PICTURES.sub("", _PLACES.sub("", text)))
    return re.sub(r"\n\s*\n", "\n", "\n".join(line.strip() for line in text.split("\n"))).strip()


def unwrapped(text: str) -> str:
    """With a line that was broken at the page's width joined to the next.

    The width is the commonest length of long lines; a line about as long runs on unless it
    ends a sentence and the next begins with a number.
    """
    lines = text.split("\n")
    lengths = Counter(len(line) for line in lines if len(line) >= LONG)
    if not lengths:
        return text
    width = lengths.most_common(1)[0][0]
    joined = [lines[0]]
    for before, line in pairwise(lines):
        if len(before) >= width - 3 and not re.match(r"\d+[．.]", line):
            joined[-1] += line
        else:
            joined.append(line)
    return "\n".join(joined)
