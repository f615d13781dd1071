"""Regular expressions as a config gives them: a list, of which any may match."""

import functools
import re
from collections.abc import Sequence

from medllm.errors import ConfigError


def any_of(patterns: Sequence[str]) -> re.Pattern[str]:
    """One expression that matches what one of `patterns` does; of none, nothing.

    Raises:
        ConfigError: one of them is not a regular expression.
    """
    return _compiled(tuple(patterns))


@functools.cache
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            refusal = f"{pattern!r} is not a regular expression: {error}; change `patterns`"
            raise ConfigError([refusal]) from error
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns) or "(?!)")
