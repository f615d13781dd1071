"""Preparing data on a cluster: the steps of `medllm prepare`, spread by datatrove over Slurm.

    read        one job array; every task reads and cleans its share of the files
    tokenise    one job array after it; every task tokenises its share of the parts
    finish      one job after that: `medllm prepare`, which finds all parts made

What comes out is what one machine makes, byte for byte, since a part does not depend on who
writes it. Comparing (near, exact, contamination) is done by the last job alone.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from medllm import config
from medllm.errors import ConfigError

if TYPE_CHECKING:
    from datatrove.executor.base import PipelineExecutor

MOST_TASKS = 1000  # of a Slurm array; datatrove chains longer ones past a failure


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """tasks: of each job array, at most 1000; a file is the least that one task reads.

    partition, time, qos: as sbatch takes them; null for the cluster's own.
    cpus, memory: of a task, GiB per processor.
    sbatch: further flags, e.g. {account: med}.
    environment: shell command that a job starts with, e.g. "module load python".
    """

    tasks: int
    partition: str
    time: str
    qos: str
    cpus: int
    memory: int
    sbatch: dict[str, str]
    environment: str

    def __post_init__(self) -> None:
        if not 1 <= self.tasks <= MOST_TASKS:
            raise ConfigError(
                [f"cluster.tasks={self.tasks} must be at least 1 and at most {MOST_TASKS}"]
            )

    def plan(self) -> str:
        """What `submit` would queue, in words."""
        each = f"{self.tasks} tasks of {self.cpus} CPUs for at most {self.time}"
        last = f"1 last job on partition {self.partition}"
        return f"2 job arrays of {each} and {last}; each also a job that adds up its log"

    def submit(self, steps: "Steps", folder: Path) -> "PipelineExecutor":
        """Queue all steps, each after the one before; the last, which has the job id.

        Args:
            folder: for the scripts and logs of the jobs; all nodes must see it.
        """
        try:
            from datatrove.executor.slurm import SlurmPipelineExecutor
        except ImportError as error:
            raise ConfigError(
                ["cluster=slurm needs datatrove: pip install 'medllm[datatrove]'"]
            ) from error
        here = f'export PATH="{Path(sys.executable).parent}:$PATH"'
        before = None
        for name, (do, tasks) in steps.all(self.tasks).items():
            before = SlurmPipelineExecutor(
                pipeline=[do],
                tasks=tasks,
                time=self.time,
                partition=self.partition,
                qos=self.qos,
                cpus_per_task=self.cpus,
                mem_per_cpu_gb=self.memory,
                job_name=f"medllm-{name}",
                # A step whose forerunner failed would wait for ever.
                sbatch_args={"kill-on-invalid-dep": "yes", **self.sbatch},
                srun_args={"cpus-per-task": self.cpus},
                # Every step passes over what is made, also what an earlier queue made.
                skip_completed=False,
                env_command=f"{here}\n{self.environment}",
                logging_dir=str(folder / name),
                depends=before,
                mail_type="NONE",
            )
        assert before is not None, "there are steps"
        try:
            before.run()
        except FileNotFoundError as error:
            raise ConfigError(["cluster=slurm, but there is no sbatch here"]) from error
        return before


@dataclass(frozen=True, kw_only=True)
class Steps:
    """The steps of preparing one frozen config, as functions of (data, rank, world).

    frozen: the config; all that a task knows.
    finish: prepares the config in this process.
    """

    frozen: Path
    finish: Callable[[DictConfig], object]

    def all(self, tasks: int) -> dict[str, tuple[Callable[..., None], int]]:
        """Name to function and number of tasks, in order."""
        return {
            "read": (partial(read, str(self.frozen)), tasks),
            "tokenise": (partial(tokenise, str(self.frozen)), tasks),
            "finish": (partial(finish, str(self.frozen), self.finish), 1),
        }


def freeze(cfg: DictConfig, folder: Path) -> Path:
    """`cfg` resolved, as a file in `folder`, and the places where the tasks will write, made."""
    from medllm.data import build, gather
    from medllm.data import folder as folders

    folder.mkdir(parents=True, exist_ok=True)
    OmegaConf.save(OmegaConf.to_container(cfg, resolve=True), folder / "config.yaml")
    stores, data = Path(cfg.paths.stores), config.instantiate(cfg.data)
    for name, source in data.sources.items():
        at = build.corpus_folder(source, name=name, folder=stores)
        with folders.only_one(at):
            if folders.fault(at, build.VERSION):
                gather.begin(source, folders.begun(at, build.VERSION))
    return folder / "config.yaml"


def read(frozen: str, data: Any, rank: int = 0, world_size: int = 1) -> None:
    """Read and clean this task's share of the files of every source."""
    from medllm.data import build, gather
    from medllm.data import folder as folders

    cfg = _thawed(frozen)
    for name, source in config.instantiate(cfg.data).sources.items():
        at = build.corpus_folder(source, name=name, folder=Path(cfg.paths.stores))
        if folders.fault(at, build.VERSION):
            gather.gather_share(
                source, folders.begun(at, build.VERSION), rank=rank, world=world_size
            )


def tokenise(frozen: str, data: Any, rank: int = 0, world_size: int = 1) -> None:
    """Tokenise this task's share of the parts of every source."""
    from medllm.data import build, write_tokens
    from medllm.data import folder as folders
    from medllm.data.progress import Progress

    cfg = _thawed(frozen)
    stores, tokenizer = Path(cfg.paths.stores), config.instantiate(cfg.model).tokenizer()
    preparation = config.instantiate(cfg.preparation)
    for name, source in config.instantiate(cfg.data).sources.items():
        corpus = build.corpus_of(
            source,
            name=name,
            folder=stores,
            preparation=preparation,
            progress=Progress(is_shown=False),
        )
        patients = source.has_patient_data
        at = build.tokens_folder(
            corpus, tokenizer, name=name, folder=stores, has_patient_data=patients
        )
        if not folders.fault(at, build.VERSION):
            continue
        with folders.only_one(at):
            work = folders.begun(at, build.VERSION)
            write_tokens.forget_other_corpus(work, corpus)
        write_tokens.write_parts(
            corpus,
            corpus.parts[rank::world_size],
            tokenizer,
            work,
            has_patient_data=patients,
            advance=lambda characters: None,
        )


def finish(
    frozen: str,
    prepare: Callable[[DictConfig], object],
    data: Any,
    rank: int = 0,
    world_size: int = 1,
) -> None:
    """All that is left to do."""
    prepare(_thawed(frozen))


def _thawed(frozen: str) -> DictConfig:
    cfg = OmegaConf.load(frozen)
    assert isinstance(cfg, DictConfig), "a config is a mapping"
    return cfg
