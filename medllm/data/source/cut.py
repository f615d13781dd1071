"""What hangs in the air where something was cut out of a text.

    "a fever (see Table 2) or [3,4]." -> cut -> "a fever (see CUT) or CUT." -> mended

Whoever cuts leaves a CUT, and `mended` takes it away together with the bracket it stood in
alone, the words that only led to it and the space before it. Elsewhere the text stays as it is.
"""

import re

CUT = "\x00"  # a character that no text means

_LEADS = (
    r"\b(?:see|also|and|or|to|in|from|cf|for|e\.?g|i\.e|examples?|reviews?|reviewed|refs?|"
    r"references?|panels?|left|right|top|bottom|upper|lower|online|appendix|more|"
    r"further|details?|information|supplementa(?:l|ry)|materials?|the|[A-Za-z])\b"
)
_BETWEEN = rf"(?:{_LEADS}|[\s,;:.–—&-]|[见参详请如和及与、，；：])"
_OPEN, _CLOSE = r"[(\[（［【]", r"[)\]）］】]"
_LABEL = (
    r"(?:\b(?:supplementary|supplemental|additional) )?"
    r"\b(?:figures?|figs?\.?|tables?|tabs?\.|box(?:es)?|files?|eqs?\.|equations?)"
)
_CHAIN = rf"{CUT}(?:(?:[\s,;&–—、，；和及与-]|and|or|to|see|also)*{CUT})+"
_SHOWN = r"(?:shown|seen|illustrated|listed|depicted|presented|described|given|outlined|detailed)"

# What is found becomes the second of the pair; each makes the next possible. Space before a cut
# is counted: an open end would take time with the square of a long gap.
_MENDS = [
    (rf"{_LABEL}\s*{CUT}", CUT),
    (_CHAIN, CUT),
    (rf"{_OPEN}{_BETWEEN}*{CUT}{_BETWEEN}*{_CLOSE}", CUT),
    (_CHAIN, CUT),
    (rf"\s{{0,3}}[,;，；](?:\s|{_LEADS})*{CUT}(?=\s{{0,3}}{_CLOSE})", ""),  # "(Smith, CUT)"
    (rf"(?<={_OPEN}){CUT}[\s,;，；]*", ""),  # "(CUT; n = 3)"
    (rf"[,;]?\s{{0,3}}\bas {_SHOWN} (?:in|on|by) {CUT}(?=\s*[.;:)\]])", ""),
    (rf"\bas {_SHOWN} (?:in|on|by) {CUT}(?:, ?)?", CUT),
    (rf"[,;]?\s{{0,3}}\b(?:see|cf\.?)(?: also)? {CUT}", CUT),
    (rf"[如由从]?{CUT}(?:所示|可见|可知)[，,：:]?", ""),
    (rf"[，,；;]?\s{{0,3}}(?:请?参?见|详见){CUT}", ""),
    (rf",\s{{0,3}}{CUT}(?=\s{{0,3}}[,.;])", ""),
    (rf"(?<=[.!?。])\s{{0,3}}{CUT}[.。]", ""),  # a sentence of its own
    (rf"[ \t]{{0,3}}{CUT}[ \t]{{0,3}}(?=[.,;:!?，。；：、！？\n]|{_CLOSE}|$)", ""),
    (rf"(?:(?<=\s)|^){CUT}[ \t]?|{CUT}", ""),
]
_COMPILED = [(re.compile(found, re.IGNORECASE | re.MULTILINE), to) for found, to in _MENDS]


def mended(text: str) -> str:
    """`text` without any CUT, nor what makes no sense without what was cut."""
    if CUT in text:
        for found, to in _COMPILED:
            text = found.sub(to, text)
    return text
