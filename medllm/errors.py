"""Errors a user can cause and can cure. Anything else is a bug and may crash as it likes.

    UserError
    ├── ConfigError   a composed run that cannot work; every problem at once
    ├── DataError     a file, store or record that breaks the promise its source makes
    └── Stopped       a run that was told to stop, and saved itself

`medllm.cli` prints a UserError without a traceback and exits with its status, mostly 2.
"""

from collections.abc import Sequence


class UserError(ValueError):
    """What the user asked for cannot be done, and the message says what to change."""

    status = 2  # of the process


class ConfigError(UserError):
    """A composed run that cannot work. Lists every problem found, not the first."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("this run cannot work:\n" + "\n".join(f"  - {p}" for p in problems))

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        """So that a worker process can send it home."""
        return type(self), (self.problems,)


class DataError(UserError):
    """A file, a store or a record that is not what its source promises."""


class Stopped(UserError):
    """A run was told to stop and saved itself; the same command goes on with it."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return type(self), (str(self), self.status)
