"""Microsoft Presidio's recognizers of patterns, as a further finder of English identifiers.

    deidentify:
      also:
        _target_: medllm.data.deidentify.presidio.find
        _partial_: true
        recognizers: [UsNpiRecognizer, UsMbiRecognizer, MedicalLicenseRecognizer]
        least_score: 0.5

They read patterns and checksums and need no language model, so nothing is downloaded. Those for
names need one and are not offered; nor are those for e-mail and web addresses, which ask the
net for a list of domains, and that for dates, which could not be moved: rules of ours find all
three. Needs the extra `phi`.
"""

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from medllm.data.deidentify.rule import Found, Kind
from medllm.errors import ConfigError

if TYPE_CHECKING:
    from presidio_analyzer import EntityRecognizer  # pyright: ignore[reportMissingImports]

KINDS: dict[str, Kind] = {
    "CreditCardRecognizer": "bank_card",
    "IbanRecognizer": "record",
    "IpRecognizer": "ip",
    "MedicalLicenseRecognizer": "record",
    "NhsRecognizer": "record",
    "PhoneRecognizer": "phone",
    "UsBankRecognizer": "record",
    "UsItinRecognizer": "ssn",
    "UsLicenseRecognizer": "record",
    "UsMbiRecognizer": "record",
    "UsNpiRecognizer": "record",
    "UsPassportRecognizer": "record",
    "UsSsnRecognizer": "ssn",
}


def find(text: str, *, recognizers: Sequence[str], least_score: float) -> list[Found]:
    """What they find, in order.

    Args:
        text: plain, see `rule.plain`.
        recognizers: names of Presidio's classes.
        least_score: in [0, 1], Presidio's own; 1 for a checksum that holds, about 0.4 for a
            form that other numbers have too.

    Raises:
        ConfigError: Presidio is not installed, or a name is not one of `KINDS`.
    """
    found = []
    for name in recognizers:
        recognizer = _recognizer(name)
        for each in recognizer.analyze(text, recognizer.supported_entities, None):
            if each.score >= least_score:
                span, rule = text[each.start : each.end], f"presidio_{each.entity_type.lower()}"
                found.append(Found(each.start, each.end, rule, KINDS[name], "en", span, {}))
    return sorted(found, key=lambda each: each.start)


@functools.cache
def _recognizer(name: str) -> "EntityRecognizer":
    if name not in KINDS:
        allowed = ", ".join(KINDS)
        raise ConfigError([f"deidentify.also.recognizers: {name!r} is not one of {allowed}"])
    try:
        from presidio_analyzer import (  # pyright: ignore[reportMissingImports]
            predefined_recognizers,
        )
    except ImportError as error:
        refusal = f"deidentify.also: {error}; Presidio comes with pip install 'medllm[phi]'"
        raise ConfigError([refusal]) from error
    return getattr(predefined_recognizers, name)()
