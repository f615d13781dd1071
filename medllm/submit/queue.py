"""Runs, their data, their scores and the report as jobs of Slurm, each after what it needs.

    prepare RUN -> train RUN -> evaluate RUN -> report      one job each
                       `-> prepare and train of the next step

What is done is left out, what is queued already is waited for: both are decided under the run's
starter's lock, so that two sweeps started at the same moment queue a run once.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from medllm import config
from medllm.errors import UserError
from medllm.hardware import Hardware
from medllm.journal import now
from medllm.launch import slurm
from medllm.launch.partition import check
from medllm.launch.snapshot import link, place, snapshot
from medllm.submit import frozen, same
from medllm.submit.standing import (
    Standing,
    end_doomed,
    live,
    record,
    standing,
    starting,
    write,
)


@dataclass(kw_only=True)
class Queue:
    """Where jobs go.

    runs: folder of all runs, absolute.
    put_here: number of each job that was put here, to its name.
    """

    runs: Path
    put_here: dict[str, str] = field(default_factory=dict)

    @cached_property
    def code(self) -> Path:
        """The code as it is now, copied: a job that waits does not see later edits."""
        return snapshot(self.runs)

    def put(self, job: slurm.Job, recorded: Path) -> str:
        """Queue `job`, write it down in the file `recorded`, and return its number."""
        number = slurm.submit(job, self.code)
        self.put_here[number] = job.name
        self._record(number, job, recorded)
        return number

    def put_once(self, job: slurm.Job, recorded: Path) -> str:
        """`put`, unless such a job is there; under the starter's lock."""
        return self.adopt(job, recorded) or self.put(job, recorded)

    def adopt(self, job: slurm.Job, recorded: Path) -> str | None:
        """A live job like `job`, queued by one who was killed before it could write that down."""
        end_doomed(recorded)
        if number := slurm.find(job, self.runs):
            self._record(number, job, recorded)
        return number

    def _record(self, number: str, job: slurm.Job, recorded: Path) -> None:
        recorded.parent.mkdir(parents=True, exist_ok=True)
        line, after = slurm.line(job, self.code), [*job.after, *job.after_any]
        said = {"id": number, "name": job.name, "line": line, "time": now(), "after": after}
        write(recorded, said)

    def told(self, job: str | None) -> str:
        """A job in words; None is a run that is done."""
        if job is None:
            return "done"
        return f"job {job}" if job in self.put_here else f"job {job}, which was queued before"


def submit_run(
    cfg: DictConfig, *, exams: Mapping[str, DictConfig], queue: Queue, after: Sequence[str] = ()
) -> str | None:
    """The job that trains a run, with one before it that makes its rows; None if it is done.

    Args:
        cfg: checked.
        exams: the benchmarks that its data are held against.
        after: jobs that must have ended well before its rows can be made.

    Raises:
        UserError: it is being trained by a process here, or its data have changed.
    """
    run_id = config.run_id(cfg)
    run_dir = queue.runs / run_id
    with starting(queue.runs, run_id):
        now = _standing(queue.runs, run_id)
        same.refuse_other_data(cfg, run_dir)
        if now.word == "done" or now.job:
            return now.job
        jobs = _checked(cfg, run_dir, after)
        if number := queue.adopt(jobs[-1], run_dir / "job.json"):
            return number
        frozen.freeze(cfg, exams, run_dir)
        return _put(jobs, run_dir, queue)


def resubmit(run_dir: Path, *, queue: Queue, after: Sequence[str] = ()) -> str | None:
    """`submit_run` of a run as it was frozen."""
    cfg = frozen.thaw(run_dir / "config.yaml")
    with starting(queue.runs, cfg.run_id):
        now = _standing(queue.runs, cfg.run_id)
        if now.word == "done" or now.job:
            return now.job
        jobs = _checked(cfg, run_dir, after)
        return queue.adopt(jobs[-1], run_dir / "job.json") or _put(jobs, run_dir, queue)


def _standing(runs: Path, run_id: str) -> Standing:
    now = standing(runs / run_id)
    if now.word == "training here":
        raise UserError(
            f"{run_id} is being trained by a process that no job knows of; start this again "
            "when it has ended"
        )
    return now


def _checked(cfg: DictConfig, run_dir: Path, after: Sequence[str]) -> list[slurm.Job]:
    """`_jobs` that the cluster can start, every one: else none of them is queued."""
    jobs = _jobs(cfg, run_dir, after, is_prepared=frozen.has_rows(cfg, run_dir))
    for job in jobs:
        check(job)
    return jobs


def _jobs(
    cfg: DictConfig, run_dir: Path, after: Sequence[str], *, is_prepared: bool
) -> list[slurm.Job]:
    """What a run needs, in order; each is told of the one before when that has its number."""
    train = train_job(cfg, run_dir, after)
    return [train] if is_prepared else [prepare_job(cfg, run_dir, after), train]


def _put(jobs: Sequence[slurm.Job], run_dir: Path, queue: Queue) -> str:
    """Under the starter's lock, queue the jobs of a frozen run, the last of which trains it."""
    link(run_dir, queue.code)
    *before, train = jobs
    numbers = [queue.put_once(job, run_dir / "jobs" / "prepare.json") for job in before]
    return queue.put(replace(train, after=[*train.after, *numbers]), run_dir / "job.json")


def lines(cfg: DictConfig, *, runs: Path, after: Sequence[str]) -> list[str]:
    """What `submit_run` would queue of a run that no job is to train, for a terminal."""
    run_dir, code = runs / config.run_id(cfg), place(runs)
    # A quick look, and `submit_run` takes a closer one.
    is_prepared = (run_dir / "stores.json").exists()
    *before, train = _jobs(cfg, run_dir, after, is_prepared=is_prepared)
    numbers = ["PREPARE" for _ in before]
    jobs = [*before, replace(train, after=[*train.after, *numbers])]
    return [shlex.join(slurm.line(job, code)) for job in jobs]


def prepare_job(cfg: DictConfig, run_dir: Path, after: Sequence[str]) -> slurm.Job:
    words = ["medllm.job", "prepare", str(run_dir)]
    return _job("prepare", cfg, run_dir, body="cpu.sh", words=words, after=after, on_cpu=True)


def train_job(cfg: DictConfig, run_dir: Path, after: Sequence[str]) -> slurm.Job:
    words = [str(run_dir)]
    return _job("train", cfg, run_dir, body="train.sh", words=words, after=after, on_cpu=False)


def _job(what: str, cfg: DictConfig, run_dir: Path, **rest: Any) -> slurm.Job:
    return slurm.Job(
        name=f"{what} {cfg.name}/{run_dir.name}",
        folder=run_dir,
        hardware=config.instantiate(cfg.hardware),
        mounts=_read(cfg),
        **rest,
    )


def _read(cfg: DictConfig) -> list[Path]:
    """Folders besides the runs that a job reads."""
    return [Path(cfg.paths[key]).absolute() for key in ("corpora", "stores")]


def submit_evaluation(
    cfg: DictConfig,
    benchmarks: Mapping[str, DictConfig],
    *,
    queue: Queue,
    after: Sequence[str] = (),
) -> str:
    """The job that scores a run on `benchmarks`, as they are composed now."""
    run_id = config.run_id(cfg)
    plain = {name: OmegaConf.to_container(each, resolve=True) for name, each in benchmarks.items()}
    asked = queue.runs / run_id / "jobs" / f"evaluate-{config.digest(plain)}.yaml"
    frozen.save(benchmarks, asked)
    return score(cfg, run_id, asked, queue=queue, after=after)


def score(cfg: DictConfig, run_id: str, asked: Path, *, queue: Queue, after: Sequence[str]) -> str:
    """The job that scores a run on the benchmarks frozen in the file `asked`."""
    run_dir, hardware = queue.runs / run_id, one_device(config.instantiate(cfg.hardware))
    recorded = asked.with_suffix(".json")
    with starting(queue.runs, run_id):
        if found := live(recorded):
            return found[0]
        job = slurm.Job(
            name=f"evaluate {run_id}",
            body="cpu.sh",
            words=["medllm.job", "evaluate", str(run_dir), str(asked)],
            folder=run_dir,
            hardware=hardware,
            after=after,
            on_cpu=hardware.accelerator == "cpu",
            mounts=_read(cfg),
        )
        return queue.put(job, recorded)


def one_device(hardware: Hardware) -> Hardware:
    """One process of `hardware`: of "gpu:a100:8" per node one is asked for."""
    assert hardware.slurm is not None, "only jobs of Slurm are queued"
    gres = hardware.slurm.gres and re.sub(r":\d+(?=$|\(|,)", ":1", hardware.slurm.gres)
    return replace(hardware, nodes=1, devices=1, slurm=replace(hardware.slurm, gres=gres))


def submit_report(recipe: str, hardware: Hardware, *, queue: Queue, after: Sequence[str]) -> str:
    """The job that writes the report of `recipe` when all of `after` have ended, well or not."""
    # Those that ended already may be forgotten, and sbatch knows no dependency on such.
    states = slurm.states(after)
    after = [job for job in after if job in states and states[job].is_live]
    folder = queue.runs / recipe
    recorded = folder / "jobs" / "report.json"
    with starting(queue.runs, f"{recipe}/report"):
        waiting = live(recorded)
        if waiting and set(after) <= set((record(recorded) or {})["after"]):
            return waiting[0]
        job = slurm.Job(
            name=f"report {recipe}",
            body="cpu.sh",
            words=["medllm.job", "report", str(queue.runs), recipe],
            folder=folder,
            hardware=hardware,
            after_any=after,
            on_cpu=True,
        )
        return queue.put(job, recorded)
