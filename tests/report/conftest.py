"""A small recipe as it lies on disk: two points, base -> cpt -> dpo, one base for both.

          exam accuracy        general bits per byte
knowledge 0.25 -> 0.50 -> 0.75    2.0 -> 2.1 -> 2.3
elsewhere 0.25 -> 0.30 -> (dpo not run)
"""

import json
from pathlib import Path

import pytest

from medllm.report.collect import Recipe, collect

NAME = "world/tiny"
BASE, CPT_K, CPT_E, DPO_K, DPO_E = "w/base/0", "w/cpt/1", "w/cpt/2", "w/dpo/3", "w/dpo/4"


def score(value: float, spread: float) -> dict[str, float]:
    return {"value": value, "low": value - spread, "high": value + spread}


def write_run(runs: Path, run_id: str, *, metrics: str, accuracy: float, reply: str) -> None:
    folder = runs / run_id
    exam, talk = folder / "eval" / "exam", folder / "eval" / "talk"
    exam.mkdir(parents=True)
    talk.mkdir()
    (folder / "metrics.csv").write_text(metrics)
    (folder / "done.json").write_text(json.dumps({"steps": 4, "seconds": 10.0, "tokens": 2000}))
    attempt = {"commit": "0123456789ab", "diff": None, "host": "bench", "versions": {"torch": "2"}}
    (folder / "provenance.json").write_text(json.dumps([attempt]))
    write_scores(
        exam, "choice|v1", {"accuracy": score(accuracy, 0.1), "weighted_f1": score(0.2, 0)}
    )
    write_lines(exam / "replies.jsonl", [{"id": "q/1", "text": "", "logps": {"A": -1, "B": -2}}])
    write_scores(talk, "bleu|v1", {"bleu_1": score(30.0, 2), "bleu_4": score(12.5, 2)})
    write_lines(talk / "replies.jsonl", [{"id": "t/1", "text": reply, "logps": {}}])
    item = {"id": "t/1", "question": "Is <it> fever?", "reference": "Yes & no."}
    write_lines(talk / "items.jsonl", [item])


def write_scores(folder: Path, signature: str, scores: dict) -> None:
    record = {"benchmark": folder.name, "version": 1, "questions": 1}
    (folder / "score.json").write_text(
        json.dumps(record | {"signature": signature, "scores": scores})
    )


def write_lines(path: Path, records: list[dict]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def write_point(runs: Path, name: str, overrides: dict[str, str], run_ids: list[str]) -> Path:
    steps = [{"step": s, "run": r} for s, r in zip(["base", "cpt", "dpo"], run_ids, strict=True)]
    point = {"recipe": NAME, "overrides": overrides, "steps": steps, "primary": "exam"}
    path = runs / NAME / "points" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {"benchmarks": ["exam", "talk"], "heldout": ["general"]}
    path.write_text(json.dumps(point | told))
    return path


def heldout_only(first: float, last: float) -> str:
    return f"heldout/general/bits_per_byte,step\n{first},0\n{last},4\n"


def mixed(loss: float) -> str:
    """Two sources at 3:1, the losses `loss` and twice that; held-out text goes from 2 to 2.1."""
    head = (
        "heldout/general/bits_per_byte,step,train/loss,train/source/books/loss,"
        "train/source/books/share,train/source/web/loss,train/source/web/share\n"
    )
    logged = "".join(f",{step},{loss},{loss},0.75,{2 * loss},0.25\n" for step in (2, 4))
    return f"{head}2.0,0,,,,,\n{logged}2.1,4,,,,,\n"


PREFERRED = (
    "heldout/general/bits_per_byte,step,train/accuracy,train/margin\n2.3,4,0.5,0.0\n,4,1.0,1.5\n"
)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return write_recipe(tmp_path / "runs")


def write_recipe(runs: Path) -> Path:
    """A runs folder with the recipe above."""
    write_point(runs, "a", {"data": "knowledge", "seed": "1"}, [BASE, CPT_K, DPO_K])
    write_point(runs, "b", {"data": "elsewhere", "seed": "1"}, [BASE, CPT_E, DPO_E])
    write_run(runs, BASE, metrics=heldout_only(4.0, 2.0), accuracy=0.25, reply="")
    write_run(runs, CPT_K, metrics=mixed(3.0), accuracy=0.5, reply="<script>alert(1)</script>")
    write_run(runs, CPT_E, metrics=mixed(3.5), accuracy=0.3, reply="Fever.")
    write_run(runs, DPO_K, metrics=PREFERRED, accuracy=0.75, reply="是的。")
    return runs


@pytest.fixture
def recipe(runs: Path) -> Recipe:
    return collect(runs, NAME)
