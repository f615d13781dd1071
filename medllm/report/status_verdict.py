"""The state of a run, decided from its folder, its locks and Slurm, which may not agree.

done.json              wins always
the trainer's lock     somebody trains in the folder now, whatever the files say
a job in the queue     waits, or runs
what ended last        the attempt's own word, else the job's
nothing of all that    killed, lost or never started
"""

from collections.abc import Mapping

from medllm.report.status_clock import Here, Job, age, is_fresh, silence, words
from medllm.report.status_read import Attempt, Scoring, Submission, Traces

DONE, RUNNING, STARTING = "done", "running", "starting"
QUEUED, WAITING, AGAIN = "queued", "waiting", "queued again"
FAILED, STOPPED, LOST, STALE = "failed", "stopped", "lost", "stale"
UNSTARTED, UNKNOWN = "not started", "unknown"
STATES = (DONE, RUNNING, STARTING, AGAIN, QUEUED, WAITING, FAILED, STOPPED, LOST, STALE, UNKNOWN,
          UNSTARTED)  # fmt: skip
LIVE = {RUNNING, STARTING, QUEUED, WAITING, AGAIN}

PENDING = {"PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT"}
CANCELLED = {"CANCELLED", "PREEMPTED", "REVOKED"}
BROKEN = {"FAILED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "BOOT_FAIL", "DEADLINE"}
NEVER = "DependencyNeverSatisfied"


def spokesman(run: Traces, jobs: Mapping[str, Job]) -> str | None:
    """The job that stands for the run: a live one, else that of what happened last."""
    for job_id in run.trainers:
        if job_id in jobs and not jobs[job_id].has_ended:
            return job_id
    last, queued = run.last, run.submission
    if last and not (queued and _is_older(last, queued)):
        return last.job
    return queued.id if queued else None


def _is_older(last: Attempt, queued: Submission) -> bool:
    """Whether the job was queued after the attempt began. Numbers rise; clocks may differ."""
    if last.job and last.job.isdecimal() and queued.id.isdecimal():
        return int(last.job) < int(queued.id)
    return bool(last.started and queued.time and last.started < queued.time)


def own(run: Traces, jobs: Mapping[str, Job]) -> dict[str, Job]:
    """`jobs` without those whose number was of this run's, and is another job's now."""
    return {
        number: job for number, job in jobs.items() if run.names.get(number, job.name) == job.name
    }


def verdict(run: Traces, jobs: Mapping[str, Job], here: Here) -> tuple[str, str]:
    """The state, and why in words."""
    if run.done is not None:
        return DONE, "; ".join(filter(None, (_scored(each, jobs) for each in run.scorings)))
    job_id = spokesman(run, jobs)
    job = jobs.get(job_id) if job_id else None
    if run.is_training:
        return RUNNING, silence(run, job, here)
    if job is not None and not job.has_ended:
        return _in_queue(run, job_id, job, jobs, here)
    if run.is_starting:
        return STARTING, ""
    if job is not None:
        return _after_job(run, job_id, job, jobs)
    if job_id is not None:
        return _without_job(run, job_id, here)
    return _without_slurm(run, here)


def is_unscored(run: Traces, jobs: Mapping[str, Job]) -> bool:
    """Whether a run that is done should have scores, and nothing is left that would make them."""
    return run.done is not None and any(
        not scoring.is_finished and not is_live(jobs.get(scoring.job.id))
        for scoring in run.scorings
    )


def is_live(job: Job | None) -> bool:
    return job is not None and job.is_live


def _scored(scoring: Scoring, jobs: Mapping[str, Job]) -> str:
    job_id, job = scoring.job.id, jobs.get(scoring.job.id)
    if scoring.is_finished:
        return ""
    if job is None:
        return f"not scored; Slurm does not tell of job {job_id}"
    if is_live(job):
        return f"job {job_id} scores it: {job.word.lower()}"
    return f"not scored; job {job_id} ended: {_ending(job)}"


def _in_queue(
    run: Traces, job_id: str | None, job: Job, jobs: Mapping[str, Job], here: Here
) -> tuple[str, str]:
    if job.word in PENDING:
        if job.reason == NEVER:
            return FAILED, _unprepared(run, jobs) or "a job that it waits for has failed"
        if job.reason == "Dependency":
            return WAITING, _waits_for(run, jobs)
        why = "" if job.reason in ("", "None") else f"waits: {job.reason}"
        return (AGAIN if job.restarts or _begun_in(run, job_id) else QUEUED), why
    last = run.last
    if last is None or last.job != job_id or last.ended:
        return STARTING, ""
    said = "" if job.word == "RUNNING" else f"job {job_id} is {job.word.lower()}"
    return RUNNING, said or silence(run, job, here)


def _begun_in(run: Traces, job_id: str | None) -> bool:
    return any(attempt.job == job_id for attempt in run.attempts)


def _waits_for(run: Traces, jobs: Mapping[str, Job]) -> str:
    data = run.preparation and jobs.get(run.preparation.id)
    if run.preparation and data and data.word == "RUNNING":
        return f"for its data (job {run.preparation.id})"
    after = run.submission.after if run.submission else ()
    return f"for job {', '.join(after)}" if after else "for another job"


def _unprepared(run: Traces, jobs: Mapping[str, Job]) -> str:
    """What became of the job that should have made the run's rows, if that is what failed."""
    data = run.preparation and jobs.get(run.preparation.id)
    if not run.preparation or not data or data.word not in BROKEN:
        return ""
    return f"its data could not be prepared: job {run.preparation.id} ended: {_ending(data)}"


def _after_job(
    run: Traces, job_id: str | None, job: Job, jobs: Mapping[str, Job]
) -> tuple[str, str]:
    if job.word == "COMPLETED":
        return LOST, f"job {job_id} has ended well, but there is no done.json"
    if job.word in CANCELLED and (why := _unprepared(run, jobs)):
        return FAILED, why
    if job.word in CANCELLED and job.reason == NEVER:
        return STOPPED, "a job that it waited for has failed or was cancelled"
    if job.word in CANCELLED:
        return STOPPED, f"job {job_id} was {job.word.lower()}"
    return FAILED, f"job {job_id} ended: {_ending(job)}"


def _ending(job: Job) -> str:
    # "NonZeroExitCode" says nothing that the error and the log do not say better.
    why = "" if job.reason in ("", "None", "NonZeroExitCode") else f" ({job.reason})"
    return job.word.lower().replace("_", " ") + why


def _without_job(run: Traces, job_id: str, here: Here) -> tuple[str, str]:
    """The run was queued, and Slurm does not know the job or cannot be asked."""
    if not here.is_slurm_known:
        state = RUNNING if is_fresh(run, here) else UNKNOWN
        return state, f"Slurm cannot be asked about job {job_id}"
    if run.last and run.last.ended and run.last.job == job_id:
        return _by_own_word(run.last)
    return LOST, f"Slurm does not know job {job_id}"


def _without_slurm(run: Traces, here: Here) -> tuple[str, str]:
    last = run.last
    if last is None:
        is_whole = run.is_frozen or run.faults or not run.exists
        return UNSTARTED, "" if is_whole else "no config.yaml"
    if last.ended:
        return _by_own_word(last)
    if last.host == here.host:
        return STOPPED, "killed"
    if is_fresh(run, here):
        return RUNNING, ""
    since = age(run, here)
    silent = f", silent for {words(since)}" if since is not None else ""
    return STALE, f"says it runs on {last.host or 'another machine'}{silent}"


def _by_own_word(last: Attempt) -> tuple[str, str]:
    if last.why == "failed":
        return FAILED, ""
    if last.why == "done":
        return LOST, "says it has ended well, but there is no done.json"
    return STOPPED, last.why or ""
