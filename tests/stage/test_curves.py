"""What is drawn while a run trains, and where."""

import math
import re

import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from medllm.data.heldout import chunks
from medllm.journal import Journal
from medllm.stage.curves import Curves, Heldout
from medllm.stage.heldout import bits_per_byte
from medllm.stage.optimizer import AdamW
from medllm.stage.progress import Bar
from medllm.track import MetricsFile
from medllm.types import Document
from tests.conftest import TEXT, tiny_llama
from tests.stage import lessons

CPU = torch.device("cpu")


def drawn(folder, stage, batch, *callbacks, start=0, **more):
    """Rows of the metrics file of a run, numbers where something was logged."""
    file = MetricsFile(folder, start=start)
    lessons.fit(stage, batch, callbacks=list(callbacks), logger=file, **more)
    return numbers(file)


def numbers(file):
    return [{key: float(v) for key, v in row.items() if v} for row in file.rows()]


def science(rows):
    """Less what tells of the machine."""
    return [{k: v for k, v in row.items() if not k.startswith("speed/")} for row in rows]


def test_a_short_run_is_drawn_at_every_step(tmp_path, tokenizer):
    batch = lessons.talk(tokenizer)
    falling = AdamW(
        learning_rate=1e-2, weight_decay=0.0, betas=[0.9, 0.95], warmup=0.0, schedule="linear",
        floor=0.1,
    )  # fmt: skip
    rows = drawn(tmp_path, lessons.sft(steps=4, optimizer=falling), batch, Curves())
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    assert [row["train/tokens"] for row in rows] == [n * batch.learnt for n in (1, 2, 3, 4)]
    assert rows[0]["train/loss"] == pytest.approx(lessons.learn(lessons.sft(), batch)[0], rel=1e-6)
    assert rows[0]["train/loss"] == rows[0]["train/source/talk/loss"]
    assert rows[-1]["train/loss"] < rows[0]["train/loss"]
    assert rows[-1]["train/learning_rate"] == pytest.approx(1e-3)
    assert all(row["train/gradient_norm"] > 0 for row in rows)
    assert all(0.01 < row["speed/memory_gib"] < 100 for row in rows)


def test_the_first_step_is_warming_up_and_tells_no_speed(tmp_path, tokenizer):
    first, *others = drawn(tmp_path, lessons.sft(steps=4), lessons.talk(tokenizer), Curves())
    assert "speed/tokens_per_second" not in first
    assert "speed/seconds_per_step" not in first
    assert all(row["speed/seconds_per_step"] > 0 for row in others)


def test_mfu_is_the_flops_of_the_tokens_read_over_those_of_the_devices(tmp_path, tokenizer):
    """6e6 per token and 3e9 per second: speed x 0.002. All places but padding are read."""
    batch = lessons.talk(tokenizer)
    rows = drawn(tmp_path, lessons.sft(steps=3), batch, Curves(6e6, 3e9))
    read = int((batch.sources >= 0).sum())
    for row in rows[1:]:
        speed = row["speed/tokens_per_second"]
        assert row["speed/mfu"] == pytest.approx(speed * 0.002)
        assert speed * row["speed/seconds_per_step"] == pytest.approx(read)


def test_mfu_of_unknown_devices_is_not_drawn(tmp_path, tokenizer):
    rows = drawn(tmp_path, lessons.sft(steps=3), lessons.talk(tokenizer), Curves(6e6, None))
    assert not any("speed/mfu" in row for row in rows)


def test_preference_tuning_draws_margin_accuracy_and_tokens(tmp_path, tokenizer):
    batch = lessons.pairs(tokenizer)
    stage = lessons.dpo(tiny_llama, steps=3, reference="stored")
    rows = drawn(tmp_path, stage, batch, Curves(), default_root_dir=tmp_path)
    learnt = int((batch.targets >= 0).sum())
    assert [row["train/tokens"] for row in rows] == [learnt, 2 * learnt, 3 * learnt]
    assert rows[0]["train/margin"] == 0.0
    assert rows[-1]["train/margin"] > 0
    for row in rows:
        rewards = row["train/chosen_reward"] - row["train/rejected_reward"]
        assert rewards == pytest.approx(row["train/margin"], abs=1e-6)
    assert rows[-1]["train/accuracy"] == 1.0
    assert rows[-1]["speed/tokens_per_second"] > 0


def test_the_gradient_norm_is_that_before_clipping(tmp_path, tokenizer):
    batch = lessons.talk(tokenizer)
    _, grads = lessons.learn(lessons.sft(), batch)
    norm = math.sqrt(sum(float((grad**2).sum()) for grad in grads.values()))
    stage = lessons.sft()
    stage.clip = 1e-3
    (row,) = drawn(tmp_path, stage, batch, Curves())
    assert row["train/gradient_norm"] == pytest.approx(norm, rel=1e-5)


def test_accumulated_micro_batches_are_one_reading(tmp_path, tokenizer):
    """2 steps of 3 micro-batches: two readings, the mean over all three."""
    batch = lessons.talk(tokenizer)
    third = batch._replace(learnt=3 * batch.learnt)
    stage = lessons.sft(steps=2)
    file = MetricsFile(tmp_path)
    made = lessons.trainer(2, callbacks=[Curves()], logger=file, accumulate_grad_batches=3)
    made.fit(stage, DataLoader(lessons.Endless(third, 6), batch_size=None))
    whole = drawn(tmp_path / "whole", lessons.sft(steps=2), batch, Curves())
    assert [float(row["train/loss"]) for row in file.rows()] == pytest.approx(
        [row["train/loss"] for row in whole], rel=1e-5
    )
    assert float(file.rows()[0]["train/tokens"]) == 3 * batch.learnt


def test_a_run_of_some_hundred_steps_is_drawn_about_a_hundred_times(tmp_path, tokenizer):
    """205 steps: every 205 // 100 = 2, then the last."""
    rows = drawn(tmp_path, lessons.sft(steps=205), lessons.talk(tokenizer), Curves())
    assert [row["step"] for row in rows] == [*range(2, 205, 2), 205]


def test_a_long_run_is_drawn_every_ten_steps(tmp_path, tokenizer):
    """3000 steps, of which we see the first 25."""
    stage = lessons.sft(steps=3000)
    rows = drawn(tmp_path, stage, lessons.talk(tokenizer), Curves(), Until(25))
    assert [row["step"] for row in rows] == [10, 20]


class Until(pl.Callback):
    """Stops a run short of its end."""

    def __init__(self, step):
        self.step = step

    def on_train_batch_end(self, trainer, *_):
        trainer.should_stop = trainer.global_step >= self.step


class Killed(Exception):
    """Stands for what ends a process; nothing of it catches this."""


class SavedAndKilled(pl.Callback):
    """Saves at one step as `medllm.checkpoint` does, and dies at another."""

    def __init__(self, file, *, at, kill):
        self.file, self.at, self.kill = file, at, kill

    def on_train_batch_end(self, trainer, pl_module, *_):
        if trainer.global_step == self.at:
            trainer.save_checkpoint(self.file)
            torch.save(pl_module.meter.state(), f"{self.file}.meter")
        if trainer.global_step == self.kill:
            raise Killed


class Resumed(pl.Callback):
    def __init__(self, file):
        self.state = torch.load(f"{file}.meter")

    def on_train_start(self, trainer, pl_module):
        pl_module.meter.load([self.state])


@pytest.mark.parametrize("steps", [48, 240])
@pytest.mark.parametrize(("at", "kill"), [(1, 1), (7, 9), (10, 11), (12, 12)])
def test_a_run_that_is_killed_and_resumed_writes_the_same_metrics(
    tmp_path, tokenizer, steps, at, kill
):
    """48 of them, a reading every step; and 240, of which we see 14, a reading every 2. Looks at
    every 12th, or 60th.
    """
    batch, file = lessons.talk(tokenizer), tmp_path / "saved.ckpt"
    texts = chunks([Document("d", TEXT[1])], tokenizer, length=64)

    def attempt(folder, *more, start=0, path=None):
        metrics = MetricsFile(folder, start=start)
        callbacks = [Curves(), Heldout({"medical": texts}), Until(14), *more]
        made = lessons.trainer(steps, callbacks=callbacks, logger=metrics)
        loader = DataLoader(lessons.Endless(batch, 20), batch_size=None)
        made.fit(lessons.sft(steps=steps), loader, ckpt_path=path)
        return science(numbers(metrics))

    whole = attempt(tmp_path / "whole")
    with pytest.raises(Killed):
        attempt(tmp_path, SavedAndKilled(file, at=at, kill=kill))
    assert attempt(tmp_path, Resumed(file), start=at, path=file) == whole


def test_a_resumed_run_remembers_the_tokens_it_has_learnt(tmp_path, tokenizer):
    """Also where nothing is left to train, for done.json tells of them."""
    batch, file = lessons.talk(tokenizer), tmp_path / "saved.ckpt"
    lessons.fit(lessons.sft(steps=3), batch, callbacks=[Curves()]).save_checkpoint(file)
    stage = lessons.sft(steps=3)
    made = lessons.trainer(3, callbacks=[Curves()])
    made.fit(stage, DataLoader(lessons.Endless(batch, 3), batch_size=None), ckpt_path=file)
    assert stage.meter.learnt == 3 * batch.learnt


def test_the_journal_is_told_how_far_a_run_is(tmp_path, tokenizer):
    batch = lessons.talk(tokenizer)
    rows = drawn(tmp_path, lessons.sft(steps=4), batch, Curves(6e6, 3e9, Journal(tmp_path)))
    told = Journal(tmp_path).progress()
    assert told.pop("time")
    assert told == {
        "step": 4, "steps": 4, "seconds_left": 0.0, "loss": rows[-1]["train/loss"],
        "tokens_per_second": rows[-1]["speed/tokens_per_second"], "mfu": rows[-1]["speed/mfu"],
    }  # fmt: skip


def test_held_out_text_is_looked_at_five_times_and_first_of_all(tmp_path, tokenizer):
    texts = chunks([Document("d", TEXT[1])], tokenizer, length=64)
    stage = lessons.sft(steps=8)
    before = bits_per_byte(tiny_llama().eval(), texts, CPU)
    rows = drawn(tmp_path, stage, lessons.talk(tokenizer), Heldout({"medical": texts}))
    assert [row["step"] for row in rows] == [0, 2, 4, 6, 8]
    assert rows[0]["heldout/medical/bits_per_byte"] == pytest.approx(before, rel=1e-6)
    assert stage.network.training
    after = bits_per_byte(stage.network.eval(), texts, CPU)
    assert rows[-1]["heldout/medical/bits_per_byte"] == pytest.approx(after, rel=1e-6)


def test_without_held_out_text_there_is_nothing_to_look_at(tmp_path, tokenizer):
    stage = lessons.sft(steps=2)
    assert drawn(tmp_path, stage, lessons.talk(tokenizer), Heldout({"medical": []})) == []


def test_a_look_at_held_out_text_does_not_change_what_is_learnt(tmp_path, tokenizer):
    batch = lessons.talk(tokenizer)
    texts = chunks([Document("d", TEXT[1])], tokenizer, length=64)
    looked, plain = lessons.sft(steps=3), lessons.sft(steps=3)
    drawn(tmp_path, looked, batch, Heldout({"medical": texts}))
    lessons.fit(plain, batch)
    for p, q in zip(looked.network.parameters(), plain.network.parameters(), strict=True):
        assert torch.equal(p, q)


def test_what_was_frozen_in_evaluation_stays_so_after_a_look(tmp_path, tokenizer):
    texts = chunks([Document("d", TEXT[1])], tokenizer, length=64)
    stage = lessons.sft(lambda: tiny_llama().train())
    stage.configure_model()
    stage.network.model.norm.eval()
    drawn(tmp_path, stage, lessons.talk(tokenizer), Heldout({"medical": texts}))
    assert not stage.network.model.norm.training
    assert stage.network.lm_head.training


def test_the_bar_tells_the_loss_in_a_log_file(tokenizer, capfd):
    batch = lessons.talk(tokenizer)
    lessons.fit(lessons.sft(steps=1), batch, callbacks=[Curves(), Bar("world/sft")])
    (loss,) = re.findall(r"world/sft: step 1 of 1, loss (\d+\.\d+)", capfd.readouterr().err)
    assert float(loss) == pytest.approx(lessons.learn(lessons.sft(), batch)[0], abs=1e-3)


def test_a_log_file_gets_four_lines(tokenizer, capfd):
    batch = lessons.talk(tokenizer)
    lessons.fit(lessons.sft(steps=22), batch, callbacks=[Curves(), Bar("world/sft")])
    said = capfd.readouterr().err
    assert re.findall(r"step (\d+) of 22, loss", said) == ["5", "11", "16", "22"]
