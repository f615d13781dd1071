"""python -m medllm.job WHAT ...   What a job of a cluster does besides training, from frozen files.

    prepare RUN_DIR                  its rows: stores.json, contamination.json
    evaluate RUN_DIR BENCHMARKS      its scores on the benchmarks frozen in the file BENCHMARKS
    report RUNS RECIPE               the page of a recipe, whatever is there of it

Composes nothing: what the verb composed when it queued the job is what the job does.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from medllm import config, lock
from medllm.errors import UserError
from medllm.submit import thaw
from medllm.train import check_kind, record


def prepare(run_dir: Path) -> None:
    """Make the rows of a frozen run."""
    from medllm.prepare import prepare

    cfg, exams = thaw(run_dir / "config.yaml"), thaw(run_dir / "contamination.yaml")
    stores = prepare(cfg, {str(name): exams[name] for name in exams})
    check_kind(cfg, stores)
    record(cfg, stores, run_dir)


def evaluate(run_dir: Path, benchmarks: Path) -> None:
    """Score a run."""
    import torch

    from medllm.evaluate import evaluate
    from medllm.prepare import make_world

    cfg, frozen = thaw(run_dir / "config.yaml"), thaw(benchmarks)
    make_world(cfg)
    if cfg.hardware.threads:
        torch.set_num_threads(cfg.hardware.threads)
    for name, score in evaluate(run_dir, {str(name): frozen[name] for name in frozen}).items():
        print(name, {key: round(each["value"], 4) for key, each in score["scores"].items()})


def report(runs: Path, recipe: str) -> None:
    """Write the page of a recipe beside its points."""
    from medllm.report.collect import collect
    from medllm.report.page import write

    root = config.compose("report", [f"recipe={recipe}", f"paths.runs={config.quoted(runs)}"])
    waiting = f"another process writes the report of {recipe}; waiting for it"
    with lock.held(runs / ".locks" / f"{recipe.replace('/', '-')}-page", waiting=waiting):
        print(write(collect(runs, recipe), Path(root.out), replies=root.replies))


def main(words: Sequence[str] | None = None) -> int:
    """Do what `words` say; 2 for a mistake of the user's."""
    parser = argparse.ArgumentParser(prog="python -m medllm.job", description=__doc__)
    verbs = parser.add_subparsers(dest="what", required=True)
    arguments = {"prepare": {"run_dir": Path}, "evaluate": {"run_dir": Path, "benchmarks": Path},
                 "report": {"runs": Path, "recipe": str}}  # fmt: skip
    for verb, kinds in arguments.items():
        one = verbs.add_parser(verb)
        for name, kind in kinds.items():
            one.add_argument(name, type=kind)
    given = vars(parser.parse_args(words))
    try:
        {"prepare": prepare, "evaluate": evaluate, "report": report}[given.pop("what")](**given)
    except UserError as error:
        print(f"medllm: {error}", file=sys.stderr)
        return error.status
    return 0


if __name__ == "__main__":
    sys.exit(main())
