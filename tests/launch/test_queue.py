from datetime import timedelta

from medllm.launch.queue import COLUMNS, State, accounted, queued


def row(*cells):
    """As squeue prints it: every cell as wide as its column."""
    return "".join(cell.ljust(width) for cell, width in zip(cells, COLUMNS.values(), strict=True))


def test_what_squeue_says():
    text = "\n".join(
        [
            row(
                "12",
                "RUNNING",
                "None",
                "sn[1-2]",
                "1-02:03:04",
                "2",
                "medllm 1a2b3c4d",
                "train a/b",
            ),
            row("13", "PENDING", "Dependency", "", "0:00", "0", "", ""),
            row("14", "PENDING", "launch failed requeued held", "", "INVALID", "1", "", ""),
        ]
    )
    held = "launch failed requeued held"
    assert queued(text) == {
        "12": State(
            word="RUNNING",
            reason="",
            node="sn[1-2]",
            elapsed=timedelta(days=1, hours=2, minutes=3, seconds=4),
            restarts=2,
            name="train a/b",
            comment="medllm 1a2b3c4d",
        ),
        "13": State(word="PENDING", reason="Dependency", node="", elapsed=timedelta(), restarts=0),
        "14": State(word="PENDING", reason=held, node="", elapsed=timedelta(), restarts=1),
    }


def test_what_sacct_says_is_a_line_for_every_start():
    text = (
        "12|REQUEUED|sn[1-2]|00:10:00|train a|b\n"
        "12|COMPLETED|sn[1-2]|00:20:05|train a|b\n"
        "13|CANCELLED by 0|None assigned|00:00:00|wrap\n"
    )
    assert accounted(text) == {
        "12": State(
            word="COMPLETED",
            reason="",
            node="sn[1-2]",
            elapsed=timedelta(minutes=20, seconds=5),
            restarts=1,
            name="train a|b",
        ),
        "13": State(
            word="CANCELLED", reason="", node="", elapsed=timedelta(), restarts=0, name="wrap"
        ),
    }
