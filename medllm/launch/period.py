"""How Slurm writes lengths of time: MM, MM:SS, HH:MM:SS, D-HH, D-HH:MM, D-HH:MM:SS."""

import re
from datetime import timedelta

FORM = re.compile(r"(?:(?P<days>\d+)-)?(?P<clock>\d+(?::\d+){0,2})")
UNITS = {
    # with days in front the clock starts with hours; without, one or two numbers start with minutes
    True: ("hours", "minutes", "seconds"),
    False: ("minutes", "seconds"),
}


def period(text: str) -> timedelta | None:
    """The length of time that `text` says; None for "infinite" and "UNLIMITED".

    Raises:
        ValueError: `text` is none of Slurm's forms.
    """
    if text.lower() in ("infinite", "unlimited"):
        return None
    found = FORM.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no length of time")
    numbers = [int(number) for number in found["clock"].split(":")]
    from_hours = found["days"] is not None or len(numbers) == 3
    parts = dict(zip(UNITS[from_hours], numbers, strict=False))
    return timedelta(days=int(found["days"] or 0), **parts)
