"""Looking at many runs at once: read every folder, ask Slurm once, tell a row for each."""

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from medllm.errors import UserError
from medllm.report.status import Row, row
from medllm.report.status_clock import Here, Job
from medllm.report.status_find import Found, find
from medllm.report.status_read import Traces, read
from medllm.report.status_verdict import own

# From ids of jobs to what Slurm says of those that it knows; a UserError if it cannot be asked.
Ask = Callable[[Sequence[str]], Mapping[str, Job]]


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found: `found.runs`, `traces` and `rows` are in the same order.

    remarks: what could not be asked, each in a line.
    """

    found: Found
    traces: Sequence[Traces]
    rows: Sequence[Row]
    remarks: Sequence[str]


def look(
    runs: Path,
    *,
    recipe: str | None = None,
    name: str | None = None,
    run: str | None = None,
    silent: timedelta,
    ask: Ask,
) -> Survey:
    """Survey what the filters of `find` let through, from this machine and now.

    Raises:
        UserError: a filter lets nothing through.
    """
    here = Here(now=datetime.now(UTC), host=platform.node(), silent=silent, is_slurm_known=True)
    return survey(runs, find(runs, recipe=recipe, name=name, run=run), ask=ask, here=here)


def survey(runs: Path, found: Found, *, ask: Ask, here: Here) -> Survey:
    """Read what was found, and ask Slurm about jobs of runs that are not done."""
    traces = [read(runs, one.run) for one in found.runs]
    asked = dict.fromkeys(job for run in traces for job in run.jobs)
    jobs, remarks = {}, []
    if asked:
        try:
            jobs = ask(list(asked))
        except UserError as error:
            here = replace(here, is_slurm_known=False)
            remarks.append(f"Slurm cannot be asked about {len(asked)} job(s): {error}")
    return Survey(found, traces, [row(run, own(run, jobs), here) for run in traces], remarks)
