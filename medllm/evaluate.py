"""Score the export of a run on one benchmark; replies are stored before they are scored.

medllm evaluate run=world/sft/1a2b3c4d benchmark=world_exam world=small
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from medllm import config, lock
from medllm.errors import UserError
from medllm.prepare import make_world

if TYPE_CHECKING:
    from medllm.eval.exposure import Exposure
    from medllm.types import Question


def evaluate(run_dir: Path, benchmarks: Mapping[str, DictConfig]) -> dict[str, dict]:
    """Scores of the model exported in `run_dir`, by benchmark.

    A benchmark that was scored with the very same config is read, not run again; where only its
    metrics changed, or its score was deleted, the stored replies are scored again.

    Raises:
        UserError: if the run has no export.
    """
    scores = known(run_dir, benchmarks)
    if scores.keys() == benchmarks.keys():
        return scores
    if not run_dir.is_dir():
        raise _without_export(run_dir)
    waiting = f"another process scores {run_dir}; waiting for it"
    with lock.held(run_dir / ".evaluating", waiting=waiting):
        return _evaluated(run_dir, benchmarks)


def known(run_dir: Path, benchmarks: Mapping[str, DictConfig]) -> dict[str, dict]:
    """The scores that are there, of the benchmarks as they are configured now."""
    found = {name: _score(run_dir / "eval" / name, cfg) for name, cfg in benchmarks.items()}
    return {name: score for name, score in found.items() if score is not None}


def _evaluated(run_dir: Path, benchmarks: Mapping[str, DictConfig]) -> dict[str, dict]:
    scores = {name: _stored(run_dir / "eval" / name, cfg) for name, cfg in benchmarks.items()}
    missing = [name for name, score in scores.items() if score is None]
    if missing:
        model, tokenizer = _load(run_dir)
        for name in missing:
            scores[name] = _run(run_dir / "eval" / name, benchmarks[name], model, tokenizer)
    return {name: score for name, score in scores.items() if score is not None}


def _stored(folder: Path, cfg: DictConfig) -> dict | None:
    """The score that is there, or that stored replies give; None where a model must be asked."""
    if (score := _score(folder, cfg)) is not None:
        return score
    asked = [{**c, "metrics": None} for c in _before_and_now(folder, cfg)]
    return _rescored(folder, cfg) if asked and asked[0] == asked[1] else None


def _score(folder: Path, cfg: DictConfig) -> dict | None:
    """The score that is there, if it is of this very config."""
    configs = _before_and_now(folder, cfg)
    if not configs or configs[0] != configs[1] or not (folder / "score.json").exists():
        return None
    score = json.loads((folder / "score.json").read_text(encoding="utf-8"))
    # Scores of before contamination was asked for are taken again.
    return score if "contamination" in score else None


def _before_and_now(folder: Path, cfg: DictConfig) -> list[dict]:
    """The config of the replies that are there, and this one; nothing where none are whole."""
    frozen = folder / "benchmark.yaml"  # written when the replies are whole
    if not frozen.exists():
        return []
    both: Any = [OmegaConf.to_container(c, resolve=True) for c in (OmegaConf.load(frozen), cfg)]
    return both


def _rescored(folder: Path, cfg: DictConfig) -> dict:
    from medllm.data.source.read import Quarantine
    from medllm.eval.benchmark import rescore

    benchmark = config.instantiate(cfg)
    questions = benchmark.read(Quarantine())
    score = rescore(benchmark, questions, folder, exposure=_exposure(folder, questions))
    _freeze(cfg, folder)
    return score


def _exposure(folder: Path, questions: "Sequence[Question]") -> "Exposure":
    """What the run may have seen of the benchmark whose scores go to `folder`."""
    from medllm.data.contamination.report import digest
    from medllm.eval.exposure import exposure

    return exposure(folder.parents[1], folder.name, digest(questions))


def _freeze(cfg: DictConfig, folder: Path) -> None:
    frozen = OmegaConf.to_yaml(cfg, resolve=True)
    (folder / "benchmark.yaml").write_text(frozen, encoding="utf-8")


def _load(run_dir: Path):
    from medllm.model.load import Pretrained

    if not (run_dir / "export").is_dir():
        raise _without_export(run_dir)
    start = Pretrained(path=str(run_dir / "export"), revision=None)
    tokenizer = start.tokenizer()
    return start.network(tokenizer, seed=0).eval(), tokenizer


def _without_export(run_dir: Path) -> UserError:
    return UserError(f"{run_dir} has no export: train it first, or change `run`")


def _run(folder: Path, cfg: DictConfig, model, tokenizer) -> dict:
    from medllm.data.source.read import Quarantine
    from medllm.eval.benchmark import run

    benchmark = config.instantiate(cfg)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    quarantine = Quarantine()
    questions = benchmark.read(quarantine)
    quarantine.write(folder / "quarantine.jsonl")
    score = run(
        benchmark, questions, model, tokenizer, folder, exposure=_exposure(folder, questions)
    )
    _freeze(cfg, folder)
    return score


def main(cfg: DictConfig) -> None:
    import torch

    config.check(cfg, "evaluate")
    make_world(cfg)
    if cfg.threads:
        torch.set_num_threads(cfg.threads)
    run_dir = Path(cfg.paths.runs) / cfg.run
    (score,) = evaluate(run_dir, {cfg.benchmark.name: cfg.benchmark}).values()
    print(json.dumps(score, ensure_ascii=False, indent=2))
