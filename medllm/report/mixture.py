"""What the data of a run is made of: lengths and the mix, as tables and figures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rich.table import Table

from medllm.report.panel import Line, Panel

if TYPE_CHECKING:
    from medllm.data.steps import Rows
    from medllm.data.store import Store

QUANTILES = {
    "min": 0,
    "5 %": 5,
    "25 %": 25,
    "median": 50,
    "75 %": 75,
    "95 %": 95,
    "max": 100,
}
PARTS = 20  # of the run at most, over which the mix is followed
LEAST = 20  # entries of a part, where there are enough for three
EIGHTHS = " ▏▎▍▌▋▊▉█"
BAR = 5  # characters of a bar that is full


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One source in a run.

    lengths: (N,) tokens of its examples, before any is removed or cut.
    learnt: share of its tokens that is learnt.
    entries, tokens: (parts,) how many of its entries and tokens each part of the run holds.
    """

    name: str
    lengths: np.ndarray
    learnt: float
    entries: np.ndarray
    tokens: np.ndarray


def accounts(stores: "Mapping[str, Store]", rows: "Rows") -> list[Account]:
    """Every source, followed over parts of the run that hold equally many entries."""
    sources, entries = rows.entries.T
    parts = min(PARTS, max(len(entries) // LEAST, 3), len(entries))
    part = np.arange(len(entries)) * parts // len(entries)
    found = []
    for number, (name, store) in enumerate(stores.items()):
        mine = sources == number
        lengths = store.lengths.reshape(-1, 2).sum(axis=1) if store.is_pairs else store.lengths
        weights = lengths[entries[mine]]
        found.append(
            Account(
                name=name,
                lengths=np.diff(store.tokens.offsets),
                learnt=float(store.learnt.sum() / store.lengths.sum()),
                entries=np.bincount(part[mine], minlength=parts),
                tokens=np.bincount(part[mine], weights, minlength=parts),
            )
        )
    return found


def efficiency(found: Sequence[Account], rows: int, *, seq_len: int) -> float:
    """Share of the room in `rows` rows of a run that tokens take."""
    return float(sum(account.tokens.sum() for account in found) / (rows * seq_len))


def lengths_table(found: Sequence[Account]) -> Table:
    table = Table(
        title="tokens of an example",
        caption="before any is removed or cut; learnt: share of the tokens in rows",
    )
    table.add_column("source")
    for head in (*QUANTILES, "learnt"):
        table.add_column(head, justify="right")
    for account in found:
        values = np.percentile(account.lengths, list(QUANTILES.values()))
        lengths = (f"{value:,.0f}" for value in values)
        table.add_row(account.name, *lengths, f"{account.learnt:.3f}")
    return table


def mix_table(found: Sequence[Account], unit: str, packed: float) -> Table:
    """The share of every source in the whole run, and at its start, middle and end.

    Args:
        found: all sources.
        unit: what is mixed, "row" or "example".
        packed: what `efficiency` says.
    """
    table = Table(
        title="the mix", caption=f"tokens fill {packed:.1%} of the rows; a bar is a share of one"
    )
    for head in ("source", "share of", "whole run", "start", "middle", "end"):
        table.add_column(head)
    for account in found:
        for what, quantity in ((f"{unit}s", "entries"), ("tokens", "tokens")):
            shares = list(_shares(found, account, quantity))
            table.add_row(account.name, what, *map(bar, shares))
    return table


def _shares(found: Sequence[Account], account: Account, quantity: str) -> Iterator[float]:
    """Of the whole run, its first part, the one in the middle and the last."""
    mine = getattr(account, quantity)
    total = np.sum([getattr(each, quantity) for each in found], axis=0)
    yield float(mine.sum() / total.sum())
    for part in (0, len(mine) // 2, len(mine) - 1):
        yield float(mine[part] / total[part])


def bar(share: float) -> str:
    """E.g. "0.750 ████▌"."""
    eighths = round(share * BAR * 8)
    return f"{share:.3f} {'█' * (eighths // 8)}{EIGHTHS[eighths % 8]}".rstrip()


def panels(found: Sequence[Account], unit: str) -> Iterator[Panel]:
    """The lengths of examples and, of several sources, the mix over the run."""
    yield Panel(
        name="lengths",
        title="Lengths, less the longest 2 %",
        x_label="tokens",
        y_label="share of examples no longer",
        lines=[_cumulated(number, account) for number, account in enumerate(found)],
    )
    if len(found) > 1:
        yield _mix(found, "tokens", "tokens")
        yield _mix(found, "entries", f"{unit}s")


def _cumulated(colour: int, account: Account) -> Line:
    shares = np.linspace(0, 0.98, 25)  # the longest may be a hundred times the median
    return Line(label=account.name, colour=colour, x=np.quantile(account.lengths, shares), y=shares)


def _mix(found: Sequence[Account], quantity: str, what: str) -> Panel:
    counts = np.array([getattr(account, quantity) for account in found])
    done = (np.arange(counts.shape[1]) + 0.5) / counts.shape[1]
    lines = [
        Line(label=account.name, colour=number, x=done, y=shares)
        for number, (account, shares) in enumerate(
            zip(found, counts / counts.sum(axis=0), strict=True)
        )
    ]
    return Panel(
        name=f"mix_{quantity}",
        title=f"The mix by {what}",
        x_label="part of the run that is over",
        y_label=f"share of the {what}",
        lines=lines,
        kind="mix",
    )
