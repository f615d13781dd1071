"""The weights after a run do not depend on how its steps were cut, through the real path.

    compose -> check -> prepare -> freeze -> launch (torchrun for two processes) -> export

Where the last step is not full, as in sft and dpo here, a layout also meets empty rows.
"""

import csv
import json
import shutil

import pytest
import torch
from safetensors.torch import load_file

from medllm import config
from medllm.launch import local
from medllm.prepare import prepare
from medllm.run import run
from medllm.train import freeze

# Steps of 8 rows on one process or two, whole or accumulated.
WHOLE = {"devices": 1, "micro_batch": 8}
ACCUMULATED = {"devices": 1, "micro_batch": 1}
TWO = {"devices": 2, "micro_batch": 4}
TWO_ACCUMULATED = {"devices": 2, "micro_batch": 1}

# In float64, for where a gradient is all but 0, AdamW makes of its rounding a step of up to the
# rate, and in float32 that alone is 1e-6 after some steps. Few steps of float32 stand below.
SMALL = [
    "experiments=world/base", "world=tiny", "name=layout", "tracker.mode=disabled", "seed=3",
    "model.start.architecture.hidden_size=32", "model.start.architecture.num_hidden_layers=2",
    "model.start.architecture.intermediate_size=48", "model.start.vocabulary.size=400",
    "hardware.threads=1", "hardware.precision=64-true", "stage.global_batch=8", "stage.epochs=1",
    "stage.optimizer.learning_rate=1.0e-3",
]  # fmt: skip
TAUGHT = ("exam", "exam_cloze", "general_exam", "general_cloze", "consultations", "chat")
STAGES = {
    "pretrain": [],
    "sft": [  # 6 x 7 = 42 rows: 5 full steps and 2 rows
        "stage=sft", "data=world_instructions", "model/template=chat", "data.packing=none",
        *[f"data.sources.{name}.limit=7" for name in TAUGHT],
    ],
    "one_stage": [
        "stage=one_stage", "data=world_one_stage", "model/template=chat",
        *[f"data.sources.{name}.limit=20" for name in ("graph", "books", "exam", "exam_cloze")],
    ],
    "dpo": [  # 29 pairs: 3 full steps and 5 pairs
        "stage=dpo", "data=world_preferences", "model/template=chat", "model/adapter=lora",
        "data.sources.pairs.limit=29",
    ],
    "dpo_stored": [
        "stage=dpo", "data=world_preferences", "model/template=chat", "model/adapter=lora",
        "data.sources.pairs.limit=29", "stage.reference=stored", "stage.loss=ipo",
    ],
}  # fmt: skip
STEPS = {"sft": 6, "dpo": 4, "dpo_stored": 4}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Corpora and stores of all layouts."""
    return tmp_path_factory.mktemp("layouts")


def trained(folder, stage, layout, *more):
    """Weights, metrics and done.json of the run, and its id."""
    name = "-".join(str(value) for value in layout.values())
    runs = folder / f"runs-{stage}-{name}"
    if (runs / "layout").exists():  # trained by another test of this module
        shutil.rmtree(runs)
    cfg = config.compose(
        "train",
        [
            *SMALL,
            *STAGES[stage],
            *[f"hardware.{key}={value}" for key, value in layout.items()],
            *more,
            *[f"paths.{place}={folder / place}" for place in ("corpora", "stores")],
            f"paths.runs={runs}",
        ],
    )
    config.check(cfg, "train")
    run_id = config.run_id(cfg)
    freeze(cfg, prepare(cfg), runs / run_id)
    local.launch(runs / run_id, config.instantiate(cfg.hardware), run)
    with (runs / run_id / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    done = json.loads((runs / run_id / "done.json").read_text())
    return load_file(runs / run_id / "export/model.safetensors"), rows, done, run_id


def assert_same(one, other, *, atol):
    """Weights to `atol`, losses to 1e-5, and the same steps, tokens and id."""
    for name, weights in one[0].items():
        torch.testing.assert_close(other[0][name], weights, rtol=0, atol=atol, msg=name)
    assert one[2]["steps"] == other[2]["steps"] > 1
    assert one[2]["tokens"] == other[2]["tokens"]
    assert one[3] == other[3]
    for row, again in zip(one[1], other[1], strict=True):
        told = {key for key in row if key.startswith(("train/", "heldout/"))}
        for key in told - {"train/tokens_per_second"}:
            assert (row[key] == "") == (again[key] == "")
            if row[key]:
                assert float(again[key]) == pytest.approx(float(row[key]), rel=1e-5, abs=1e-5), key


@pytest.mark.parametrize("stage", ["sft", "dpo"])
def test_weights_do_not_depend_on_accumulation_in_float32(folder, stage):
    runs = [
        trained(folder, stage, layout, "hardware.precision=32-true")
        for layout in (WHOLE, ACCUMULATED)
    ]
    assert_same(*runs, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_weights_do_not_depend_on_the_layout(folder, stage):
    whole = trained(folder, stage, WHOLE)
    assert whole[2]["steps"] == STEPS.get(stage, whole[2]["steps"])
    for layout in (ACCUMULATED, TWO, TWO_ACCUMULATED):
        assert_same(whole, trained(folder, stage, layout), atol=1e-9)
