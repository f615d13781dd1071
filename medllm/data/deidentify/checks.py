"""Whether a number can be what it looks like: checksums and dates."""

import re
from datetime import date

# GB 11643: weights and check figures, ISO 7064 MOD 11-2.
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECKS = "10X98765432"


def check_figure(digits: str) -> str:
    """The 18th figure of a Chinese identity card, from the 17 before it."""
    return CHECKS[sum(int(d) * w for d, w in zip(digits, WEIGHTS, strict=True)) % 11]


def luhn(digits: str) -> int:
    """The sum of ISO/IEC 7812-1, annex B, modulo 10; 0 for the number of a card."""
    doubled = [int(d) * (2 - at % 2) for at, d in enumerate(reversed(digits), start=1)]
    return sum(value // 10 + value % 10 for value in doubled) % 10


def is_date(year: int, month: int, day: int) -> bool:
    """Of somebody alive."""
    try:
        return 1880 <= date(year, month, day).year <= 2100
    except ValueError:
        return False


def bare(text: str) -> str:
    """Its letters and figures."""
    return "".join(filter(str.isalnum, text))


def is_identity_card(match: re.Match[str]) -> bool:
    """A birthday and, in the form in use since 1999, the right last figure."""
    number = bare(match["id"]).upper()
    born = number[6:14] if len(number) == 18 else "19" + number[6:12]
    if not is_date(int(born[:4]), int(born[4:6]), int(born[6:])):
        return False
    return len(number) == 15 or number[17] == check_figure(number[:17])


def is_bank_card(match: re.Match[str]) -> bool:
    """Right by its checksum, and not a row of the same figure."""
    number = bare(match["id"])
    return luhn(number) == 0 and len(set(number)) > 3


def is_number(match: re.Match[str]) -> bool:
    """At least a third figures: not just the next word."""
    return 3 * sum(map(str.isdigit, match["id"])) >= len(bare(match["id"]))


def is_ip(match: re.Match[str]) -> bool:
    """Four bytes; the first at least 10, for "4.1.2.1" is the number of a section."""
    octets = match["id"].split(".")
    if any(each != str(int(each)) or int(each) > 255 for each in octets):
        return False
    return int(octets[0]) >= 10
