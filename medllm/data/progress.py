"""A line per source while data is prepared: how much is done, how fast."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars

MILLION = 1e6


class Progress:
    """Bars on the terminal; nothing where there is none, or `is_shown` is false."""

    def __init__(self, is_shown: bool) -> None:
        console = Console(stderr=True)
        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not (is_shown and console.is_terminal),
        )

    def __enter__(self) -> "Progress":
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    @contextmanager
    def of(self, title: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """A bar; what it gives is told how many characters more are done.

        Args:
            total: characters there are; None where nobody knows.
        """
        task = self._bars.add_task(title, total=total, speed="")

        def advance(characters: int) -> None:
            self._bars.advance(task, characters)
            now = self._bars.tasks[self._bars.task_ids.index(task)]
            if now.elapsed:
                millions = now.completed / MILLION
                speed = f"{millions:,.1f} M characters, {millions / now.elapsed:,.1f} M/s"
                self._bars.update(task, speed=speed)

        yield advance
        self._bars.update(task, total=1, completed=1)
