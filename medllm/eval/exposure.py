"""Which questions of a benchmark a model may have seen in training, over all runs behind it.

    run -> previous -> ... -> the first run
     each: config.yaml, and contamination.json, which training writes of the data it checked

A question counts as seen if it stood in the data of any of these runs and was not dropped. Where
a run was not held against the benchmark, or against other questions of it, nobody knows. What a
model from elsewhere has read before the first run is never known.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from medllm.errors import DataError

WORST_FIRST = ("answer", "question")


@dataclass(frozen=True, slots=True)
class Exposure:
    """What is known of one benchmark.

    unchecked_runs: ids of the runs of which nothing is known, the latest first.
    seen: id of a question to what was seen: "answer", with its answer, or "question".
    """

    unchecked_runs: Sequence[str]
    seen: Mapping[str, str]


def exposure(run_dir: Path, benchmark: str, digest: str) -> Exposure:
    """What the model of a run may have seen of `benchmark`.

    Args:
        digest: of the questions, as contamination.json names them.

    Raises:
        DataError: a contamination.json that is not whole.
    """
    unchecked, seen = [], {}
    for run_id, folder in ancestors(run_dir):
        found = _checked(folder).get(benchmark)
        if found is None or found["digest"] != digest:
            unchecked.append(run_id)
            continue
        for question, match in found["matched"].items():
            if not match["dropped"]:
                kinds = match["kind"], seen.get(question, match["kind"])
                seen[question] = min(kinds, key=WORST_FIRST.index)
    return Exposure(unchecked, seen)


def ancestors(run_dir: Path) -> Iterator[tuple[str, Path]]:
    """Id and folder of a run, then of those before it; the last may be gone."""
    folder = run_dir.absolute()
    run_id = _config(folder).get("run_id", folder.name)
    runs = folder.parents[len(Path(run_id).parts) - 1]
    while run_id:
        yield run_id, runs / run_id
        run_id = _config(runs / run_id).get("previous")


def _config(folder: Path) -> Any:
    file = folder / "config.yaml"
    return OmegaConf.load(file) if file.is_file() else {}


def _checked(folder: Path) -> Mapping[str, Any]:
    """Benchmark to what was found; none in runs of before data was checked at all."""
    file = folder / "contamination.json"
    if not file.is_file():
        return {}
    try:
        return json.loads(file.read_text(encoding="utf-8"))["benchmarks"]
    except (json.JSONDecodeError, KeyError) as error:
        raise DataError(
            f"{file} is not what training writes there ({error}); delete it, and its run counts "
            "as unchecked"
        ) from error
