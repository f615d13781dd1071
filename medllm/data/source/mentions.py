"""Sentences without what only points elsewhere; each removal is a function from text to text.

PMC-LLaMA removes addresses, citations and mentions of figures and tables from its books (Wu et
al. 2023, arXiv 2304.14454); its code for it is not published. A source names in `alter` those
it wants. They go by the form of what they remove, and leave in rather than take out too much.
"""

import re

from medllm.data.source.cut import CUT, mended

_URL = re.compile(
    r"(?:\b(?:available|retrieved|accessed)(?: from| at| on)?:?\s*)?"
    r"(?:\b(?:https?|ftp)://|\bwww\.|\bdoi:\s?10\.)"
    r"(?:\([^\s()]*\)|[^\s()<>\[\]\"“”，。；、（）])*[^\s()<>\[\]\"“”，。；、（）.,;:!?]",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"[\[［〔]\s?[1-9]\d{0,2}(?:\s?[,，;–—~-]\s?[1-9]\d{0,2})*\s?[\]］〕]")
# Of an interval or a statistic: 95% CI [12, 35], F[1,12].
_MEASURE = re.compile(r"(?:(?:CI|IQR|interval|range|limits):?|[=≈∈])[\s,]*$|\b[A-Z]$")

YEAR = r"(?:1[89]|20)\d\d[a-z]?"
NAME = r"(?:(?:van|von|de|den|der|du|la) )*[A-ZÀ-Þ][\w'’.-]*"
_LEAD = r"(?:(?:see|also|e\.g\.,?|cf\.|reviewed in) )*"
_NAMES = rf"{NAME}(?:(?:,|,? and|,? &)? {NAME})*(?:,? et al\.?,?|,)|{NAME} (?:and|&) {NAME}"
_CITED = re.compile(
    rf"{_LEAD}(?:{_NAMES}|(?P<one>{NAME})|[\u4e00-\u9fff·]{{2,8}}等?[,，])"
    rf"\s?{YEAR}年?(?:, ?(?:{YEAR}|[a-z]))*"
)
_MONTHS = "January February March April May June July August September October November December"

_NUMBER = r"S?\d+(?:[.–-]\d+)*(?:[A-Za-z](?![A-Za-z]))?"
_LABEL = r"\b(?:Supplementary )?(?:Fig(?:ure)?s?\.?|Tables?|FIG(?:URE)?S?\.?|TABLES?)"
_FIGURE = re.compile(
    rf"^{_LABEL}\s?{_NUMBER}\s*[.:|]\s+"  # before a caption, which stays
    rf"|(?:{_LABEL}|(?<=[( ])(?:fig\.|figures?(?=[^()]*\))|tables?(?=[^()]*\))))\s?{_NUMBER}"
    rf"(?:\s?(?:,|and|&|–|-|to)\s?(?:{_LABEL}\s?)?(?:{_NUMBER}(?=\s?[,;)\]]|\sand\b)|[A-Z]\b))*"
    r"|(?:(?<=[（(，。；：、,如见由从在参详\s])|^)[图表]\s?[\d一二三四五六七八九十]+"
    r"(?:[-–—.．]\d+)*[A-Za-z]?(?:[、，,和及至~～-][图表]?\d+(?:[-–—.．]\d+)+)*",
    re.MULTILINE,
)
_EMPTY = re.compile(r"\((?:\s|see|in|and|or|,|;)*\)|\[\s*[,;–-]*\s*\]")


def urls(text: str) -> str:
    """Without web addresses and DOIs."""
    return mended(_URL.sub(CUT, text))


def numbered_citations(text: str) -> str:
    """Without [1], [2,5] and [3–7], not without 95% CI [12, 35]."""

    def cut(found: re.Match[str]) -> str:
        before = text[max(0, found.start() - 12) : found.start()]
        return found[0] if _MEASURE.search(before) else CUT

    return mended(_NUMBERED.sub(cut, text))


def dated_citations(text: str) -> str:
    """Without (Smith et al., 2004; Jones and Lee 2001a) and （张三等，2004）."""

    def cut(found: re.Match[str]) -> str:
        parts = re.split("[;；]", found[1])
        return CUT if all(_is_cited(part.strip()) for part in parts) else found[0]

    return mended(re.sub(r"[(（]([^()（）]{5,300})[)）]", cut, text))


def figure_mentions(text: str) -> str:
    """Without "Fig. 1A", "(see Table 2)", "as shown in Figure 3" and 如图1-2所示.

    The label before a caption goes, the caption stays. Where the figure is the subject of a
    sentence, the sentence loses it, as it does in PMC-LLaMA.
    """
    return mended(_FIGURE.sub(lambda found: "" if found[0][-1].isspace() else CUT, text))


def empty_brackets(text: str) -> str:
    """Without "()", "(see )" and "[,]", which stay where somebody else has cut out a link."""
    return mended(_EMPTY.sub(CUT, text))


def _is_cited(part: str) -> bool:
    found = _CITED.fullmatch(part)
    return found is not None and found["one"] not in _MONTHS.split()
