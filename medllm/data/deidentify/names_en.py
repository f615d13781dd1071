"""English names, by what stands around them: a title, a degree, a label, "my name is"."""

import re

from medllm.data.deidentify import words_en as words
from medllm.data.deidentify.rule import Rule, either

WORD = (
    rf"(?!{either(words.NO_NAMES)}\b)"
    r"(?:[A-Z]'[A-Z][a-z]+|Ma?c[A-Z][a-z]+|[A-Z][a-z\u00df-\u024f]+)(?:-[A-Z][a-z]+)?"
)
INITIAL = r"[A-Z]\."
LAST = rf"(?:(?:van der|van den|van|von|de la|de|del|di|da|dos|bin|al|la|le) )?{WORD}"
FULL = rf"(?:{WORD}|{INITIAL})(?: {INITIAL}| {WORD})? {LAST}"
CAPITAL = r"[A-Z][A-Z'-]{2,}"
CAPITALS = rf"(?!{either(words.NO_NAMES.upper())}\b){CAPITAL}(?: [A-Z]\.)?(?:,? {CAPITAL})?"
TITLE = r"(?:(?:Mr|Mrs|Ms|Mx|Miss|Mister|Dr|Prof)\.?|(?i:doctor|professor)|Nurse|Sister|Pastor)"
RELATION = either(words.RELATIONS)
NO_EPONYM = rf"(?!(?:'s)? {either(words.EPONYMS)})"

RULES = (
    Rule(
        name="name_titled_en",
        kind="name",
        language="en",
        pattern=re.compile(rf"\b{TITLE} (?P<id>{FULL}|{LAST})\b{NO_EPONYM}"),
        needs="MDPNSdp",
    ),
    Rule(
        name="name_capitals",
        kind="name",
        language="en",
        pattern=re.compile(
            r"\b(?:(?:MR|MRS|DR|Mr|Mrs|Ms|Dr)\.? ?|(?i:(?:(?:patient|client)(?:'s)? )?name): ?)"
            rf"(?P<id>{CAPITALS})\b"
        ),
        needs="MDPCNn",
    ),
    Rule(
        name="name_degree",
        kind="name",
        language="en",
        pattern=re.compile(rf"\b(?P<id>{FULL}),? {either(words.DEGREES)}(?![\w.])"),
        needs="MDRPNFL",
    ),
    Rule(
        name="name_aged",
        kind="name",
        language="en",
        pattern=re.compile(rf"\b(?P<id>{FULL})(?=,? (?:is |was )?an? \d{{1,3}}[- ]year)"),
        needs="y",
    ),
    Rule(
        name="name_labelled_en",
        kind="name",
        language="en",
        pattern=re.compile(
            rf"\b{either(words.LABELS)}: ?(?:Dr\.? )?"
            rf"(?P<id>{LAST}, {WORD}(?: {INITIAL})?|{FULL})(?!\w)"
        ),
        needs=":",
    ),
    Rule(
        name="name_said",
        kind="name",
        language="en",
        pattern=re.compile(
            r"\b(?:(?i:my|his|her|first|last|patient) ?name(?: is|'s)"
            rf"|(?:{RELATION}|man|woman|boy|girl|gentleman|lady) named) (?P<id>{FULL}|{LAST})\b"
        ),
        needs="n",
    ),
    Rule(
        name="name_given",
        kind="name",
        language="en",
        pattern=re.compile(
            rf"\b(?:I am|I'm|[Tt]his is|(?i:{RELATION}),?|Patient:|contacted|spoke with|called|with"
            rf"|by|Hi|Hello|Dear) (?P<id>{either(words.GIVEN)}(?: {INITIAL})?(?: {LAST})?)\b"
            rf"{NO_EPONYM}"
        ),
        needs="IiTtacswbHDhmnpfdro",
    ),
)
