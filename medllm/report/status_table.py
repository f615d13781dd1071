"""`medllm status` on a terminal: a line that sums up, a table, and what went wrong.

The table is as wide as the terminal allows: columns that nobody has anything in are not there,
and where room is short they go in the order of DROPPED. Nothing depends on colour.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from medllm.report.status import Row, counted
from medllm.report.status_find import Listed
from medllm.report.status_survey import Survey
from medllm.report.status_verdict import (
    AGAIN,
    DONE,
    FAILED,
    LIVE,
    LOST,
    QUEUED,
    RUNNING,
    STALE,
    STARTING,
    STATES,
    STOPPED,
    UNKNOWN,
    WAITING,
)

STYLES = {DONE: "green", RUNNING: "bold cyan", STARTING: "cyan", QUEUED: "yellow", AGAIN: "yellow",
          WAITING: "yellow", FAILED: "bold red", LOST: "red", STALE: "red", STOPPED: "magenta",
          UNKNOWN: "magenta"}  # fmt: skip
WRONG = (FAILED, LOST, STALE)
# What a reader who has no room for all looks at first.
URGENT: list[str] = sorted(STATES, key=lambda state: (state not in WRONG, state not in LIVE))

Justify = Literal["left", "right"]

GAP = 2  # characters between two columns
BAR = 8  # characters
LEAST_WHY = 20  # characters that "why" must have to be of use
LEAST_RUN = 12  # likewise: a digest, and the end of a name
MOST_WRONG = 6  # runs whose whole error is told below the table
# Point stands late: without it two runs of one step cannot be told apart but by digest.
DROPPED = ("log", "node", "MFU", "tokens/s", "job", "restarts", "", "why", "loss", "point", "left")


@dataclass(frozen=True, slots=True)
class Column:
    head: str
    cells: Sequence[str]
    justify: Justify = "right"

    @property
    def width(self) -> int:
        return max(Text(cell).cell_len for cell in (self.head, *self.cells))

    @property
    def is_known(self) -> bool:
        return any(self.cells)


def rendered(seen: Survey, *, width: int, most: int | None = None) -> RenderableType:
    """The whole of it.

    Args:
        width: characters of the terminal.
        most: rows at most; the urgent ones are kept, and the rest is counted.
    """
    parts: list[RenderableType] = [summary(seen.rows)]
    shown = _shown(seen, most)
    if shown:
        places = seen.found.runs
        parts += [Text(), table([places[n] for n in shown], [seen.rows[n] for n in shown], width)]
    if left := len(seen.rows) - len(shown):
        parts.append(Text(f"... and {left} more", style="dim"))
    passed = (f"passed over {skipped}" for skipped in seen.found.skipped)
    parts += [*_wrong(seen.rows), *(Text(each, style="dim") for each in (*passed, *seen.remarks))]
    return Group(*parts)


def summary(rows: Sequence[Row]) -> Text:
    """How many are in which state; below, how far all of them are, and what it took."""
    if not rows:
        return Text("no runs")
    text = Text(f"{len(rows)} run{'s' * (len(rows) > 1)}: ")
    for number, (state, count) in enumerate(counted(rows).items()):
        text.append(", " * bool(number)).append(f"{count} {state}", STYLES.get(state, ""))
    share = sum(row.share for row in rows) / len(rows)
    # Never 100 % before all is done.
    text.append(f"\n{bar(share, 3 * BAR)} {int(100 * share)} %")
    hours = sum(row.device_seconds for row in rows) / 3600
    return text.append(f"   {hours:.1f} device-hours" if hours >= 0.05 else "")


def bar(share: float, width: int) -> str:
    """`width` characters, full from the left by `share` in [0, 1]."""
    full = int(share * width)
    return "█" * full + "░" * (width - full)


def _shown(seen: Survey, most: int | None) -> list[int]:
    numbers = range(len(seen.rows))
    if most is None or len(seen.rows) <= most:
        return list(numbers)
    urgent = sorted(numbers, key=lambda number: URGENT.index(seen.rows[number].state))
    return sorted(urgent[:most])


def table(listed: Sequence[Listed], rows: Sequence[Row], width: int) -> Table:
    """A line per run."""
    columns, why = _fitting([c for c in _columns(listed, rows) if c.is_known], width)
    out = Table(box=None, pad_edge=False, padding=(0, GAP // 2), header_style="bold")
    for column in columns:
        at_most = why if column.head == "why" else column.width
        out.add_column(column.head, justify=column.justify, no_wrap=True, max_width=at_most)
    styles = [STYLES.get(row.state, "") for row in rows]
    for number, style in enumerate(styles):
        cells = (column.cells[number] for column in columns)
        out.add_row(*(Text(cell, style if cell in STATES else "") for cell in cells))
    return out


def _columns(listed: Sequence[Listed], rows: Sequence[Row]) -> Iterator[Column]:
    def column(head: str, cell: Callable[[Row], str], justify: Justify = "right") -> Column:
        return Column(head, [cell(row) for row in rows], justify)

    yield Column("step", [one.step for one in listed], "left")
    yield Column("point", [one.point for one in listed], "left")
    yield column("run", lambda row: row.id, "left")
    yield column("state", lambda row: row.state, "left")
    yield column("done", _steps)
    yield column("", lambda row: "" if row.steps is None else bar(row.share, BAR), "left")
    yield column("loss", lambda row: _number(row.loss, ".3f"))
    yield column("tokens/s", lambda row: _rounded(row.tokens_per_second))
    yield column("MFU", lambda row: "" if row.mfu is None else f"{100 * row.mfu:.1f} %")
    yield column("left", _left)
    yield column("restarts", lambda row: str(row.restarts or ""))
    yield column("job", lambda row: row.job or "")
    yield column("node", lambda row: row.node, "left")
    yield column("why", reason, "left")
    yield column("log", lambda row: str(row.log.relative_to(row.folder)) if row.log else "", "left")


def _steps(row: Row) -> str:
    if row.step is None:
        return ""
    return f"{row.step}/{'?' if row.steps is None else row.steps}"


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _rounded(value: float | None) -> str:
    """Three digits or so: 950, 12.3k, 1.2M."""
    if value is None:
        return ""
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:.1f}{name}"
    return f"{value:.0f}"


def _left(row: Row) -> str:
    left = row.seconds_left
    return _clock(int(left)) if left is not None and 0 <= left < math.inf else ""


def _clock(seconds: int) -> str:
    """As narrow as can be: 45s, 12m, 2h05m, 3d04h."""
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days:
        return f"{days}d{hours % 24:02}h"
    if hours:
        return f"{hours}h{minutes % 60:02}m"
    return f"{minutes}m" if minutes else f"{seconds}s"


def reason(row: Row) -> str:
    """Why the run is where it is, in one line; the error first."""
    return "; ".join(filter(None, [row.error, row.note])).replace("\n", " ")


def _fitting(columns: list[Column], width: int) -> tuple[list[Column], int]:
    """Columns that fit beside each other, and the width that is left for "why".

    Where even the last few do not fit, the ids of runs lose their beginning.
    """
    for drop in (None, *DROPPED):
        columns = [column for column in columns if column.head != drop]
        rest = width - sum(c.width for c in columns if c.head != "why") - GAP * (len(columns) - 1)
        needed = next((min(c.width, LEAST_WHY) for c in columns if c.head == "why"), 0)
        if rest >= needed:
            return columns, rest
    return [_shortened(c, max(c.width + rest, LEAST_RUN)) if c.head == "run" else c
            for c in columns], 0  # fmt: skip


def _shortened(column: Column, width: int) -> Column:
    cut = [cell if len(cell) <= width else f"…{cell[1 - width :]}" for cell in column.cells]
    return Column(column.head, cut, column.justify)


def _wrong(rows: Sequence[Row]) -> Iterator[Text]:
    """The whole reason and log of the first few runs that went wrong."""
    wrong = [row for row in rows if row.state in WRONG or row.is_unscored]
    for row in wrong[:MOST_WRONG]:
        text = Text(f"\n{row.id} ").append(row.state, STYLES[row.state])
        text.append(f": {reason(row)}" if reason(row) else "")
        yield text.append(f"\n  {row.log}" if row.log else "")
    if len(wrong) > MOST_WRONG:
        yield Text(f"\n... and {len(wrong) - MOST_WRONG} more went wrong")
