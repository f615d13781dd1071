"""What is drawn while a run trains, and where."""

import math
import re

import numpy as np
import pytest
import torch

from medllm.data.heldout import chunks
from medllm.stage.curves import Curves, Heldout, bits_per_byte
from medllm.stage.optimizer import AdamW
from medllm.stage.progress import Bar
from medllm.track import MetricsFile
from medllm.types import Document
from tests.conftest import TEXT, VOCAB, tiny_llama
from tests.stage import lessons

CPU = torch.device("cpu")


def drawn(folder, stage, batch, *callbacks, **more):
    """Rows of the metrics file of a run, numbers where something was logged."""
    file = MetricsFile(folder)
    lessons.fit(stage, batch, callbacks=list(callbacks), logger=file, **more)
    return [{key: float(v) for key, v in row.items() if v} for row in file.rows()]


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
    assert all(row["train/tokens_per_second"] > 0 for row in rows)


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
    loader = torch.utils.data.DataLoader(lessons.Endless(third, 6), batch_size=None)
    made.fit(stage, loader)
    whole = drawn(tmp_path / "whole", lessons.sft(steps=2), batch, Curves())
    assert [float(row["train/loss"]) for row in file.rows()] == pytest.approx(
        [row["train/loss"] for row in whole], rel=1e-5
    )
    assert float(file.rows()[0]["train/tokens"]) == 3 * batch.learnt


def test_a_long_run_is_drawn_about_a_hundred_times_and_at_its_end(tmp_path, tokenizer):
    """205 steps: every 205 // 100 = 2, then the last."""
    rows = drawn(tmp_path, lessons.sft(steps=205), lessons.talk(tokenizer), Curves())
    assert [row["step"] for row in rows] == [*range(2, 205, 2), 205]


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


def test_a_look_at_held_out_text_does_not_change_what_is_learnt(tmp_path, tokenizer):
    batch = lessons.talk(tokenizer)
    texts = chunks([Document("d", TEXT[1])], tokenizer, length=64)
    looked, plain = lessons.sft(steps=3), lessons.sft(steps=3)
    drawn(tmp_path, looked, batch, Heldout({"medical": texts}))
    lessons.fit(plain, batch)
    for p, q in zip(looked.network.parameters(), plain.network.parameters(), strict=True):
        assert torch.equal(p, q)


def test_bits_per_byte_of_a_model_that_knows_nothing():
    """All 320 tokens alike: log2(320) = 8.321928 bits for each of 3 + 1 predictions; 8 bytes."""
    network = tiny_llama().eval()
    network.lm_head.weight.data.zero_()
    texts = [(np.array([1, 9, 9, 9], np.int32), 6), (np.array([1, 9], np.int32), 2)]
    assert VOCAB == 320
    assert bits_per_byte(network, texts, CPU) == pytest.approx(8.321928 * 4 / 8, rel=1e-6)


def test_bits_per_byte_does_not_depend_on_what_is_scored_together(tokenizer):
    """40 pieces of many lengths, in batches of 16 or one by one."""
    network = tiny_llama().eval()
    texts = chunks([Document("d", " ".join(TEXT) * 9)], tokenizer, length=23)
    texts += chunks([Document("d", "a cough " * n) for n in range(1, 9)], tokenizer, length=64)
    assert len(texts) > 32
    single = sum(bits_per_byte(network, [text], CPU) * text[1] for text in texts)
    total = sum(count for _, count in texts)
    assert bits_per_byte(network, texts, CPU) == pytest.approx(single / total, rel=1e-5)


def test_the_bar_tells_the_loss_in_a_log_file(tokenizer, capfd):
    """One process or two micro-batches: the same loss, not a share of it."""
    batch = lessons.talk(tokenizer)
    half = batch._replace(learnt=2 * batch.learnt)
    stage = lessons.sft(steps=1)
    made = lessons.trainer(1, callbacks=[Bar("world/sft")], accumulate_grad_batches=2)
    made.fit(stage, torch.utils.data.DataLoader(lessons.Endless(half, 2), batch_size=None))
    (loss,) = re.findall(r"world/sft: step 1 of 1, loss (\d+\.\d+)", capfd.readouterr().err)
    assert float(loss) == pytest.approx(lessons.learn(lessons.sft(), batch)[0], abs=1e-3)
