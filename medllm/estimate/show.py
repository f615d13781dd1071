"""An estimate as a person reads it."""

from rich.table import Table

from medllm.estimate.architecture import Unknown
from medllm.estimate.devices import GIB
from medllm.estimate.memory import ROOM, Memory

MOMENTS = {
    "forward": "forward pass",
    "backward": "backward pass",
    "update": "update",
    "heldout": "held-out text",
}


def verdict(need: Memory | Unknown) -> str:
    """In a line: "fits 80 GiB: 61.3 GiB, 77 %"."""
    if isinstance(need, Unknown):
        return f"memory unknown: {need.why}"
    size = f"{need.total / GIB:.1f} GiB"
    if need.capacity is None:
        return f"needs {size} per device; hardware.device names none, so nobody knows if it fits"
    share = f"{size}, {need.total / need.capacity:.0%}".replace("%", " %")
    word = "fits" if need.fits else "does not fit"
    most = "" if need.fits else f" (at most {ROOM:.0%})".replace("%", " %")
    return f"{word} {need.capacity / GIB:.3g} GiB: {share}{most}"


def table(need: Memory) -> Table:
    """Parts by moment, in GiB of one device, with the verdict below."""
    shown = Table(title="memory of one device, GiB", caption=verdict(need))
    shown.add_column("part")
    for moment in need.moments:
        shown.add_column(MOMENTS[moment], justify="right")
    parts = dict.fromkeys(part for moment in need.moments.values() for part in moment)
    for part in parts:
        amounts = (moment.get(part, 0) for moment in need.moments.values())
        shown.add_row(part, *(f"{amount / GIB:.2f}" if amount else "" for amount in amounts))
    totals = (sum(moment.values()) for moment in need.moments.values())
    shown.add_section()
    shown.add_row("together", *(f"{total / GIB:.2f}" for total in totals))
    if need.host:
        shown.add_section()
        shown.add_row("memory of each node", f"{sum(need.host.values()) / GIB:.2f}")
    return shown
