"""A text into a cleaner text: the functions that a source names under `alter`.

In the order in which the presets of conf/data/clean apply them:

    repair -> without_markup -> tidy -> without_lines, without_phrases
           -> without_repeated_lines -> simplify | traditionalise

Each takes one text and gives one text; what is left out is gone. Whether the example is
worth keeping is asked afterwards, by `medllm.data.clean.keep`.
"""

import functools
import html
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal

import ftfy
import opencc

from medllm.data.clean.patterns import any_of

# What ftfy may do by default would spoil good text: half-width brackets and commas in
# Chinese, straight quotes in Chinese, and HTML entities, which `without_markup` reads after
# the tags. What remains: mojibake, ligatures, control characters, lone surrogates, line
# ends, NFC (never NFKC, which turns 10³ into 103).
REPAIRS = ftfy.TextFixerConfig(
    unescape_html=False,
    fix_character_width=False,
    uncurl_quotes=False,
    explain=False,
)

TAGS = (
    "a abbr article aside b big blockquote body br button center cite code col colgroup dd del div"
    " dl dt em font footer form h[1-6] head header hr html i iframe img input ins label li link"
    " main mark meta nav ol option p pre s section select small span strike strong sub sup table"
    " tbody td tfoot th thead title tr u ul video wbr"
).replace(" ", "|")
# Only tags of HTML, and attributes only with a value: "P<0.05", "a <b and c> d" and the
# "<篇名>" of Chinese books are text.
VALUE = r"""(?:"[^"]*"|'[^']*'|[^\s"'<>]+)"""
TAG = re.compile(rf"</?({TAGS})(?:\s+[\w:-]+\s*=\s*{VALUE})*\s*/?>", re.IGNORECASE)
HIDDEN = re.compile(r"<!--.*?-->|<(script|style)\b[^>]*>.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
PAGE = re.compile(r"<(?:!doctype|html|head|body|script|style|table|form|div)\b", re.IGNORECASE)
CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]+`)", re.DOTALL)
ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,31}\d{0,2});")
INLINE = "a abbr b big cite code em font i img mark s small span strike strong sub sup u wbr"

LINE_END = re.compile(r"\r\n|[\r\v\f\x85\u2028\u2029]")
SPACES = re.compile(r"(?<=\S)[^\S\n]+|[^\S \t\n]+")  # within a line; or of another kind
UNSEEN = re.compile(r"[\xad\u200b\u200e\u200f\u2060\ufeff]")  # of no width; joiners stay


def repair(text: str) -> str:
    """Text that was decoded wrongly, decoded again; right text keeps every character.

    By ftfy, with `REPAIRS`: Chinese punctuation and curly quotes stay as they are.
    """
    return ftfy.fix_text(text, REPAIRS)


def without_markup(text: str, *, keep_code: bool) -> str:
    """HTML tags, comments and scripts left out, and entities read (once).

    A tag that ends a paragraph, a row or an item becomes a line end.

    Args:
        text: any.
        keep_code: change nothing between backticks, nor in a text that holds a page or a table.
    """
    if keep_code and PAGE.search(text):
        return text
    return _outside_code(text, _without_tags) if keep_code else _without_tags(text)


def tidy(text: str, *, keep_code: bool) -> str:
    """White space made uniform: one kind of line end, one space, at most one empty line.

    Args:
        text: any.
        keep_code: change nothing between backticks, and leave indentation as it is.
    """
    text = UNSEEN.sub("", LINE_END.sub("\n", text))
    text = _outside_code(text, _one_space) if keep_code else _one_space(text)
    text = re.sub(r"[^\S\n]+$" if keep_code else r"^[^\S\n]+|[^\S\n]+$", "", text, flags=re.M)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def without_lines(text: str, *, patterns: Sequence[str], up_to: int) -> str:
    """Lines left out in which one of the regular expressions is found.

    Args:
        text: any.
        patterns: searched for in the line without the white space around it.
        up_to: characters; a longer line is prose that only mentions such things.
    """
    found = any_of(patterns)
    lines = [(line, line.strip()) for line in text.split("\n")]
    return "\n".join(line for line, said in lines if len(said) > up_to or not found.search(said))


def without_phrases(text: str, *, patterns: Sequence[str]) -> str:
    """What one of the regular expressions matches, left out wherever it stands."""
    return any_of(patterns).sub("", text)


def without_repeated_lines(text: str, *, at_most: int, longer_than: int) -> str:
    """Lines left out that repeat the line before or were said often, as running heads are.

    Args:
        text: any.
        at_most: times that a line may stand in a text; the first ones stay.
        longer_than: characters; shorter lines, such as headings, table cells and the
            brackets of programs, may be repeated.
    """
    kept: list[str] = []
    seen: Counter[str] = Counter()
    for line in text.split("\n"):
        said = line.strip()
        seen[said] += 1
        is_echo = bool(kept) and kept[-1].strip() == said
        if len(said) <= longer_than or (seen[said] <= at_most and not is_echo):
            kept.append(line)
    return "\n".join(kept)


def simplify(text: str) -> str:
    """Traditional Chinese characters made simplified, by OpenCC, phrase by phrase."""
    return _converter("t2s").convert(text)


def traditionalise(text: str) -> str:
    """Simplified Chinese characters made traditional, by OpenCC, phrase by phrase."""
    return _converter("s2t").convert(text)


def _outside_code(text: str, alter: Callable[[str], str]) -> str:
    """`text` with all but its code altered."""
    if "`" not in text:
        return alter(text)
    pieces = CODE.split(text)  # text and code by turns
    return "".join(piece if at % 2 else alter(piece) for at, piece in enumerate(pieces))


def _without_tags(text: str) -> str:
    text = TAG.sub(_break, HIDDEN.sub("", text)) if "<" in text else text
    return ENTITY.sub(lambda match: html.unescape(match[0]), text) if "&" in text else text


def _one_space(text: str) -> str:
    """Every run of spaces one; but those that begin a line stay."""
    return SPACES.sub(" ", text)


def _break(tag: re.Match[str]) -> str:
    return "" if tag[1].lower() in INLINE.split() else "\n"


@functools.cache
def _converter(way: Literal["t2s", "s2t"]) -> opencc.OpenCC:
    return opencc.OpenCC(way)
