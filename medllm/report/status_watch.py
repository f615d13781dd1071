"""`medllm status --watch`: look again and again, until q, Ctrl-C, or nothing is left to happen."""

import contextlib
import os
import select
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.live import Live

from medllm.report.status import Row
from medllm.report.status_survey import Survey
from medllm.report.status_table import rendered
from medllm.report.status_verdict import LIVE

AROUND = 12  # lines of a terminal that the summary, the head and the errors take


def watch(look: Callable[[], Survey], console: Console, *, every: float) -> None:
    """On a terminal one table that changes; elsewhere a new table with each change.

    Args:
        every: seconds between two looks.
    """
    with contextlib.suppress(KeyboardInterrupt):
        if console.is_terminal:
            _live(look, console, every)
        else:
            _log(look, console, every)


def _live(look: Callable[[], Survey], console: Console, every: float) -> None:
    with _keys() as pressed, Live(console=console, auto_refresh=False) as live:
        while True:
            most = max(console.height - AROUND, 1)
            live.update(rendered(look(), width=console.width, most=most), refresh=True)
            if pressed(every) == "q":
                return


@contextlib.contextmanager
def _keys() -> Iterator[Callable[[float], str]]:
    """A function that waits for a key for some seconds; "" if none came."""
    if not sys.stdin.isatty():
        yield lambda seconds: time.sleep(seconds) or ""
        return

    def pressed(seconds: float) -> str:
        is_there = select.select([sys.stdin], [], [], seconds)[0]
        return os.read(sys.stdin.fileno(), 1).decode(errors="replace") if is_there else ""

    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield pressed
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _log(look: Callable[[], Survey], console: Console, every: float) -> None:
    told = None
    while True:
        seen = look()
        if (now := [_told(row) for row in seen.rows]) != told:
            told = now
            console.print(rendered(seen, width=console.width))
            console.print()
        if not any(row.state in LIVE for row in seen.rows):
            return
        time.sleep(every)


def _told(row: Row) -> tuple[object, ...]:
    """What is worth a new table in a log: not every second that passes."""
    return row.state, row.step, row.job, row.error
