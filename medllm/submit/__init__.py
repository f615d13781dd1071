"""Runs as jobs of a cluster: what is frozen, what is queued already, what is yet to queue."""

from medllm.submit.frozen import freeze, thaw, untrained
from medllm.submit.price import price
from medllm.submit.queue import (
    Queue,
    lines,
    resubmit,
    score,
    submit_evaluation,
    submit_report,
    submit_run,
)
from medllm.submit.same import refuse_other_data, refuse_other_rows
from medllm.submit.standing import (
    Standing,
    is_here,
    jobs_of,
    jobs_of_previous,
    standing,
    starting,
    write,
)

__all__ = [
    "Queue",
    "Standing",
    "freeze",
    "is_here",
    "jobs_of",
    "jobs_of_previous",
    "lines",
    "price",
    "refuse_other_data",
    "refuse_other_rows",
    "resubmit",
    "score",
    "standing",
    "starting",
    "submit_evaluation",
    "submit_report",
    "submit_run",
    "thaw",
    "untrained",
    "write",
]
