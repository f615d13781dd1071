"""Dates moved by some days and written in the form they had.

A date without its day moves by the month, one without its year within a year, and one that no
calendar has (30 February) by its month, its day left as it is: what was partial stays partial.
"""

from datetime import date, timedelta

from medllm.data.deidentify.rule import Found

MONTHS = "January February March April May June July August September October November December"
NUMERALS = "〇一二三四五六七八九"


def shifted(found: Found, days: int, *, year: int) -> str:
    """The date `days` later, in the same form; of that year, if it names none."""
    parts = {name: found.text[slice(*place)] for name, place in found.parts.items()}
    year, month, day = _moved(year_of(found) or year, *_read(parts), days)
    is_padded = any(parts.get(name, "").startswith("0") for name in ("month", "day"))
    new = {
        "year": _year(year, parts.get("year", "")),
        "month": _number(month, parts.get("month", ""), is_padded),
        "name": _name(month, parts.get("name", "")),
        "day": _number(day, parts.get("day", ""), is_padded),
        "th": _ordinal(day),
    }
    text = found.text
    for name, (start, end) in sorted(found.parts.items(), key=lambda part: -part[1][0]):
        text = text[:start] + new[name] + text[end:]
    return text


def year_of(found: Found) -> int | None:
    """The year that a date names; of two figures, one until 2030."""
    if "year" not in found.parts:
        return None
    year = _value(found.text[slice(*found.parts["year"])])
    return year if year >= 100 else year + (2000 if year <= 30 else 1900)


def _read(parts: dict[str, str]) -> tuple[int, int | None]:
    """Month and day."""
    months = [month[:3].lower() for month in MONTHS.split()]
    month = (
        months.index(parts["name"][:3].lower()) + 1 if "name" in parts else _value(parts["month"])
    )
    return month, _value(parts["day"]) if "day" in parts else None


def _moved(year: int, month: int, day: int | None, days: int) -> tuple[int, int, int]:
    try:
        moved = date(year, month, day or 15) + timedelta(days)
        return moved.year, moved.month, moved.day
    except ValueError:  # no such day: only the month moves
        moved = date(year, month, 15) + timedelta(days)
        return moved.year, moved.month, day or 15


def _value(text: str) -> int:
    if text.isdigit():
        return int(text)
    text = text.replace("零", "〇").replace("○", "〇")
    if "十" not in text:
        return int("".join(str(NUMERALS.index(each)) for each in text))
    tens, _, ones = text.partition("十")
    return 10 * (NUMERALS.index(tens) if tens else 1) + (NUMERALS.index(ones) if ones else 0)


def _year(year: int, old: str) -> str:
    if old and not old.isdigit():
        return "".join(NUMERALS[int(digit)] for digit in str(year))
    return f"{year % 100:02d}" if len(old) == 2 else str(year)


def _number(value: int, old: str, is_padded: bool) -> str:
    if old and not old.isdigit():
        tens, ones = divmod(value, 10)
        head = ("" if tens == 1 else NUMERALS[tens]) + "十" if tens else ""
        return head + (NUMERALS[ones] if ones else "")
    return f"{value:02d}" if is_padded else str(value)


def _name(month: int, old: str) -> str:
    name = MONTHS.split()[month - 1]
    is_short = len(old.rstrip(".")) <= 4 and old.lower() not in ("may", "june", "july")
    name = name[:3] + "." * old.endswith(".") if is_short else name
    return name.upper() if old.isupper() else name


def _ordinal(day: int) -> str:
    return "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
