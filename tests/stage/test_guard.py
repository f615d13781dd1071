"""A run that goes wrong is stopped, told of with its rows, saved, and leaves no bad checkpoint."""

import json

import pytest
import pytorch_lightning as pl
import torch
from safetensors.torch import load_file

from medllm.stage.guard import Diverged
from tests.stage import guarded, lessons


@pytest.fixture
def steps(tmp_path):
    return guarded.steps_of(tmp_path)


class Saver(pl.Callback):
    """Saves after every step, as the last callback does."""

    def __init__(self, folder):
        self.folder, self.step = folder, 0

    def on_train_batch_end(self, trainer, pl_module, *_):
        if trainer.global_step != self.step:
            self.step = trainer.global_step
            trainer.save_checkpoint(self.folder / f"{self.step}.ckpt")


def stopped(folder, steps, *callbacks, stage=None, **limits):
    """What a run of `stage` says when its guard stops it."""
    guard = guarded.guard(folder, steps, **limits)
    with pytest.raises(Diverged) as caught:
        guarded.fit(stage, steps, guard, *callbacks)
    return str(caught.value)


def test_a_loss_that_is_not_a_number_is_told_with_its_rows_and_examples(tmp_path, steps):
    """Row 14 is in the fourth step of 4 rows: 12 13 14 15, in micro-batches of 2."""
    said = stopped(tmp_path, steps, stage=guarded.faulty(steps, row=14))
    assert "step 4 has a loss of nan and a gradient norm of nan" in said
    assert "worst rows, with a loss of nan: 14, 15, of examples books/29, books/31" in said
    assert f"python -m medllm.repro {tmp_path} 4" in said
    assert "stage.optimizer.learning_rate" in said
    assert "hardware.precision=32-true" in said
    assert "patient" not in said  # no word of what was learnt


def test_an_infinite_loss_is_told(tmp_path, steps):
    said = stopped(tmp_path, steps, stage=guarded.faulty(steps, row=14, way="overflow"))
    assert "step 4 has a loss of inf" in said


def test_a_gradient_that_is_not_finite_leaves_no_row_of_the_step_above_suspicion(tmp_path, steps):
    said = stopped(tmp_path, steps, stage=guarded.faulty(steps, row=14, way="gradient"))
    assert "step 4 has a loss of 4.6" in said
    assert "gradient norm of nan" in said
    assert "each row has a finite loss, but not their gradient: rows 12, 13, 14, 15" in said


def test_a_fault_in_the_last_step_is_found(tmp_path, steps):
    said = stopped(tmp_path, steps, stage=guarded.faulty(steps, row=39))
    assert "step 10 has a loss of nan" in said


def test_no_weights_that_are_not_finite_are_saved(tmp_path, steps):
    stopped(tmp_path, steps, Saver(tmp_path), stage=guarded.faulty(steps, row=14))
    saved = sorted(tmp_path.glob("*.ckpt"))
    assert [file.stem for file in saved] == ["1", "2", "3"]
    for file in saved:
        weights = torch.load(file, weights_only=True)["state_dict"].values()
        assert all(torch.isfinite(weight).all() for weight in weights)


def test_the_saved_step_has_its_tensors_its_ids_and_where_to_start(tmp_path, steps):
    for number in (2, 3):
        (tmp_path / f"checkpoints/step-0000000{number}").mkdir(parents=True)
    stopped(tmp_path, steps, stage=guarded.faulty(steps, row=14))
    folder = tmp_path / "repro/step-00000004"
    tensors = load_file(folder / "rank-0.safetensors")
    batches = list(steps.batches(3))
    assert tensors["0.rows"].tolist() == [12, 13]
    assert tensors["1.rows"].tolist() == [14, 15]
    for number, batch in enumerate(batches):
        assert torch.equal(tensors[f"{number}.ids"], batch.ids)
        assert torch.equal(tensors[f"{number}.targets"], batch.targets)
        assert int(tensors[f"{number}.learnt"]) == batch.learnt
    said = json.loads((folder / "step.json").read_text())
    assert said["checkpoint"] == "../../checkpoints/step-00000003"
    assert len(said["losses_before"]) == 3
    bad, good = said["micro_batches"]
    assert (bad["rank"], bad["rows"], bad["examples"]) == (
        0,
        [14, 15],
        [["books/29"], ["books/31"]],
    )
    assert good["rows"] == [12, 13]


def test_a_diverging_loss_is_told_with_what_was_usual(tmp_path, steps):
    """At a rate of 3 the tiny model is at 6 nats after a few steps, and at hundreds soon after."""
    wild = lessons.AdamW(
        learning_rate=3.0, weight_decay=0.0, betas=[0.9, 0.95], warmup=0.0, schedule="constant",
        floor=1.0,
    )  # fmt: skip
    stage = lessons.sft(steps=steps.steps, sources=("books",), optimizer=wild)
    said = stopped(tmp_path, steps, stage=stage, window=1, patience=2)
    assert "the loss diverges: " in said
    assert "and for 2 steps above " in said
    assert "raise guard.patience" in said


def test_a_full_disk_does_not_hide_what_went_wrong(tmp_path, steps):
    (tmp_path / "repro").write_text("no folder")
    said = stopped(tmp_path, steps, stage=guarded.faulty(steps, row=14))
    assert "step 4 has a loss of nan" in said
    assert "it could not be saved in " in said


def test_a_sound_run_is_left_alone_and_learns_the_same(tmp_path, steps):
    watched, free = guarded.faulty(steps), guarded.faulty(steps)
    guarded.fit(watched, steps, guarded.guard(tmp_path, steps))
    guarded.fit(free, steps)
    for one, other in zip(watched.network.parameters(), free.network.parameters(), strict=True):
        assert torch.equal(one, other)
    assert not (tmp_path / "repro").exists()


def test_preferences_are_guarded_as_rows_are(tmp_path):
    steps = guarded.steps_of(tmp_path, pairs=True)
    wild = lessons.AdamW(
        learning_rate=1e30, weight_decay=0.0, betas=[0.9, 0.95], warmup=0.0, schedule="constant",
        floor=1.0,
    )  # fmt: skip
    stage = lessons.dpo(lessons.tiny_llama, steps=steps.steps, reference="stored")
    stage.optimizer = wild
    said = stopped(tmp_path, steps, stage=stage)
    assert "step 2 has a loss of nan" in said
    assert "worst rows, with a loss of nan: 4, 5, 6, 7, of examples judged/" in said


@pytest.mark.slow
def test_two_ranks_stop_at_the_same_step_and_both_know_the_row(tmp_path):
    """Only one rank reads row 14; the mean of the loss is not finite on both."""
    for number, rank in enumerate(guarded.two(tmp_path, row="14")):
        status = guarded.until(rank, seconds=200)
        said = (tmp_path / f"said-{number}").read_text()
        assert status == 2, said
        assert "step 4 has a loss of nan" in said
        assert "worst rows, with a loss of nan: 14, of examples books/29" in said
    folder = tmp_path / "repro/step-00000004"
    assert {file.name for file in folder.iterdir()} == {
        "rank-0.safetensors", "rank-1.safetensors", "step.json",
    }  # fmt: skip
    shares = json.loads((folder / "step.json").read_text())["micro_batches"]
    assert sorted(row for share in shares for row in share["rows"]) == [12, 13, 14, 15]
    assert {share["rank"] for share in shares} == {0, 1}
