"""Train one run: a model, data and a stage, on some hardware.

The run's folder is named by its science, so the same run is never trained twice, and its
path is printed at the end. On one machine the row stores are made first. For a cluster the job
is shown, with what it may cost; submit=true queues it, after one that makes the row stores.

    medllm train experiments=world/base
    medllm train experiments=world/cpt previous=world/base/1a2b3c4d hardware=cpu2
    medllm train experiments=world/base hardware=slurm2 submit=true -m seed=1,2,3
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import hydra.utils
from omegaconf import DictConfig

from medllm import config, lock, submit, sweep
from medllm.errors import ConfigError, UserError
from medllm.launch import local
from medllm.prepare import held_against, matches, prepare
from medllm.stage.faults import check_folder

if TYPE_CHECKING:
    from medllm.data.store import Store


def train(cfg: DictConfig) -> str:
    """Train what `cfg` composes, here, unless it is done; return the run's id.

    Whoever comes second waits for the first.

    Raises:
        ConfigError: with every problem of the config.
        UserError: a job is to train it, it was trained on data that have changed, or nothing can
            be written to paths.runs.
    """
    config.check(cfg, "train")
    run_id = config.run_id(cfg)
    runs = Path(cfg.paths.runs).absolute()
    if not _is_trained(cfg, runs / run_id):
        check_folder(runs)
        check_exams(cfg)
        exams = held_against(cfg)
        stores = prepare(cfg, exams)  # once, not in every rank; long, so not under the lock
        check_kind(cfg, stores)
        with submit.starting(runs, run_id):
            if not _is_trained(cfg, runs / run_id):
                _start(cfg, exams, stores, runs / run_id)
    return run_id


def _is_trained(cfg: DictConfig, run_dir: Path) -> bool:
    """Whether the run is done, and still this one; whoever trains it now is waited for."""
    while (now := submit.standing(run_dir)).word == "training here":
        waiting = f"another process trains in {run_dir}; waiting for it"
        with lock.held(run_dir / ".lock", waiting=waiting):
            continue
    if now.job:
        raise UserError(
            f"{config.run_id(cfg)} is {now.word} as job {now.job}; wait for it, or cancel it "
            f"first: scancel {now.job}"
        )
    submit.refuse_other_data(cfg, run_dir)
    return now.word == "done"


def _start(
    cfg: DictConfig,
    exams: Mapping[str, DictConfig],
    stores: "Mapping[str, Store]",
    run_dir: Path,
) -> None:
    from medllm.run import run

    submit.freeze(cfg, exams, run_dir)
    record(cfg, stores, run_dir)
    local.launch(run_dir, config.instantiate(cfg.hardware), run)


def freeze(cfg: DictConfig, stores: "Mapping[str, Store]", run_dir: Path) -> None:
    """Write down all that the ranks read: the config, and where the rows are."""
    submit.freeze(cfg, held_against(cfg), run_dir)
    record(cfg, stores, run_dir)


def record(cfg: DictConfig, stores: "Mapping[str, Store]", run_dir: Path) -> None:
    """Write down where the rows of a frozen run are, and what was found of benchmarks in them.

    Raises:
        UserError: the run was begun on other rows.
    """
    from medllm.data.contamination.report import of_run

    places = {name: str(store.folder) for name, store in stores.items()}
    submit.refuse_other_rows(places, run_dir)
    submit.write(run_dir / "contamination.json", of_run(matches(stores)))
    submit.write(run_dir / "stores.json", places)  # last: with it the run may start


def check_exams(cfg: DictConfig) -> None:
    """Refuse data that nobody has held against the benchmarks the model will be scored on."""
    checked = cfg.data.contamination.benchmarks if cfg.data.get("contamination") else ()
    if missing := set(cfg.benchmarks) - set(checked) - set(cfg.unchecked):
        names = ", ".join(sorted(missing))
        raise ConfigError(
            [
                f"the data is not checked against {names}, on which the model will be scored; add "
                "it to data.contamination.benchmarks, or name it in `unchecked` to go on without"
            ]
        )


def check_kind(cfg: DictConfig, stores: "Mapping[str, Store]") -> None:
    """Refuse preference pairs for a stage that reads rows, and rows for one that wants pairs."""
    wanted = hydra.utils.get_class(cfg.stage["_target_"]).wants_pairs
    given = all(store.is_pairs for store in stores.values())
    if given != wanted:
        kinds = {True: "preference pairs", False: "rows"}
        raise ConfigError(
            [
                f"data holds {kinds[given]}, but stage learns from {kinds[wanted]}; "
                "change one of them"
            ]
        )


def queue(cfg: DictConfig, point: sweep.Sweep) -> None:
    """Show the jobs of one run and what they may cost; with submit=true queue them."""
    config.check(cfg, "train")
    check_exams(cfg)
    runs, after = Path(cfg.paths.runs).absolute(), submit.jobs_of_previous(cfg)
    if not cfg.submit:
        _show(cfg, runs, after)
        return
    check_folder(runs)
    jobs = point.kept.setdefault("queue", submit.Queue(runs=runs))
    job = submit.submit_run(cfg, exams=held_against(cfg), queue=jobs, after=after)
    print(f"{runs / config.run_id(cfg)}: {jobs.told(job)}")


def _show(cfg: DictConfig, runs: Path, after: Sequence[str]) -> None:
    now = submit.standing(runs / config.run_id(cfg))
    if now.word != "to train":
        job = f" as job {now.job}" if now.job else ""
        print(f"{runs / config.run_id(cfg)}: {now.word}{job}; nothing to queue")
        return
    print(*submit.lines(cfg, runs=runs, after=after), sep="\n")
    price = submit.price(cfg, submit.untrained(cfg))
    print(f"{' · '.join(price.told())}; nothing was queued: add submit=true")


def main(cfg: DictConfig) -> None:
    point = sweep.here()
    if cfg.submit:
        point.allow(point.points, limit=cfg.sweep_limit, name=cfg.name, confirm=cfg.confirm)
    with point.going_on():
        if submit.is_here(cfg.hardware.get("launcher"), cfg.submit):
            print(Path(cfg.paths.runs) / train(cfg))
        else:
            queue(cfg, point)
    point.close()
