"""A step of a real run, taken again from its newest checkpoint."""

import math

import pytest

from medllm import config, repro
from medllm.attempt import Attempt
from medllm.prepare import prepare
from medllm.stage.guard import Diverged, Guard
from medllm.train import freeze
from tests.stage.test_layouts import SMALL, STAGES


class Noting(Attempt):
    """Keeps the losses that its guard has found usual."""

    losses = ()

    def _callbacks(self, tracker):
        callbacks = super()._callbacks(tracker)
        (guard,) = (each for each in callbacks if isinstance(each, Guard))
        Noting.losses = guard.trend.usual
        return callbacks


@pytest.fixture(scope="module")
def frozen(tmp_path_factory):
    """Maker of run folders of a stage, with a checkpoint after every step."""
    folder = tmp_path_factory.mktemp("repro")

    def freeze_one(stage, *words):
        cfg = config.compose(
            "train",
            [
                *SMALL, *STAGES[stage], "hardware.precision=32-true", "hardware.micro_batch=2",
                "checkpointing.steps=1", "checkpointing.keep=9", *words,
                *[f"paths.{place}={folder / place}" for place in ("corpora", "stores", "runs")],
            ],
        )  # fmt: skip
        config.check(cfg, "train")
        run_dir = folder / "runs" / config.run_id(cfg)
        freeze(cfg, prepare(cfg), run_dir)
        return run_dir

    return freeze_one


def times(folder):
    return {file: file.stat().st_mtime_ns for file in folder.rglob("*")}


@pytest.mark.parametrize("stage", ["sft", "dpo"])
def test_a_step_that_went_wrong_is_taken_again_row_by_row(frozen, stage, capsys):
    """At a rate of 1e30 the first step leaves numbers beyond float32, and the second shows it."""
    run_dir = frozen(stage, "stage.optimizer.learning_rate=1.0e+30")
    with pytest.raises(Diverged, match="step 2 has a loss of"):
        Attempt(run_dir, 0).train()
    assert [at.name for at in (run_dir / "checkpoints").glob("step-*")] == ["step-00000001"]
    before = times(run_dir)
    assert repro.main(run_dir, 2) == 0
    assert times(run_dir) == before
    said = capsys.readouterr().out
    assert "step 2, after 0 steps from step 1" in said
    assert all(f"\nrow {row}: loss " in said for row in range(8, 16))
    assert "gradient norm nan" in said
    assert "not finite, first in " in said


def test_a_sound_step_taken_again_has_the_loss_it_had(frozen):
    """Step 3 from the start, through two steps of training: the rows' losses make the step's."""
    run_dir = frozen("sft", "stage.optimizer.learning_rate=1.0e-3", "seed=4")
    replay = repro.Replay(run_dir)  # before there is a checkpoint
    looks = replay.examine(3)
    Noting(run_dir, 0).train()
    learnt = {look.row: replay.steps.stores[source].learnt[entry] for look in looks
              for source, entry in [replay.steps.rows.entries[look.row]]}  # fmt: skip
    mean = sum(look.loss * learnt[look.row] for look in looks) / sum(learnt.values())
    third = Noting.losses[2]
    assert mean == pytest.approx(third, rel=1e-5)
    assert all(math.isfinite(look.gradient_norm) and not look.first_bad for look in looks)


def test_a_step_that_cannot_be_reached_is_refused(frozen, capsys):
    run_dir = frozen("sft", "seed=5")
    assert repro.main(run_dir, 99) == 2
    assert "step 99 is not one of 1 to 6, those after the newest checkpoint" in (
        capsys.readouterr().err
    )
