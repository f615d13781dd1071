"""What a model says while it learns, and who hears of it."""

import json

import pytest
import pytorch_lightning as pl
import torch

from medllm.stage.curves import Curves
from medllm.stage.replies import Replies
from medllm.track import MetricsFile, Tracker
from tests.stage import lessons
from tests.track.conftest import read

PROMPTS = ["fever?", "pain?"]


def replies(tokenizer, folder, prompts=PROMPTS, *, is_whole=True, is_public=True):
    return Replies(prompts, tokenizer, folder, is_whole=is_whole, is_public=is_public)


def said(folder):
    return [json.loads(line) for line in (folder / "replies.jsonl").read_text().splitlines()]


def test_a_model_is_asked_at_every_look_and_learns_to_answer(tmp_path, tokenizer):
    """60 steps on three exchanges, one of them "fever?", "rest"."""
    stage = lessons.sft(steps=60)
    lessons.fit(stage, lessons.talk(tokenizer), callbacks=[replies(tokenizer, tmp_path)])
    rows = said(tmp_path)
    assert [(row["step"], row["prompt"]) for row in rows] == [
        (step, prompt) for step in (0, 15, 30, 45, 60) for prompt in PROMPTS
    ]
    assert rows[-2]["reply"] == "rest"
    assert rows[0]["reply"] != "rest"
    assert stage.network.training


class Chance(pl.Callback):
    """The state of torch's random numbers at every step."""

    def __init__(self):
        self.states = []

    def on_train_batch_end(self, *_):
        self.states.append(torch.get_rng_state())


def test_asking_changes_nothing_of_what_is_learnt(tmp_path, tokenizer):
    batch = lessons.talk(tokenizer)
    asked, plain = lessons.sft(steps=4), lessons.sft(steps=4)
    chances = [Chance(), Chance()]
    lessons.fit(asked, batch, callbacks=[replies(tokenizer, tmp_path), chances[0]])
    lessons.fit(plain, batch, callbacks=[chances[1]])
    for p, q in zip(asked.network.parameters(), plain.network.parameters(), strict=True):
        assert torch.equal(p, q)
    assert all(map(torch.equal, chances[0].states, chances[1].states))


def test_a_run_without_prompts_leaves_no_file(tmp_path, tokenizer):
    asked = replies(tokenizer, tmp_path, [])
    lessons.fit(lessons.sft(steps=2), lessons.talk(tokenizer), callbacks=[asked])
    assert not (tmp_path / "replies.jsonl").exists()


def test_a_sharded_model_is_not_asked_and_that_is_said_once(tmp_path, tokenizer, capfd):
    asked = replies(tokenizer, tmp_path, is_whole=False)
    lessons.fit(lessons.sft(steps=4), lessons.talk(tokenizer), callbacks=[asked])
    assert not (tmp_path / "replies.jsonl").exists()
    assert capfd.readouterr().err.count("tracker.prompts: skipped") == 1


def test_a_resumed_run_keeps_what_was_said_before_and_nothing_later(tmp_path, tokenizer):
    batch, saved = lessons.talk(tokenizer), tmp_path / "saved.ckpt"
    lessons.fit(
        lessons.sft(steps=8), batch, callbacks=[replies(tokenizer, tmp_path)]
    ).save_checkpoint(saved)
    whole = said(tmp_path)
    short = lessons.sft(steps=8)
    made = lessons.trainer(8, max_steps=4, callbacks=[])
    loader = torch.utils.data.DataLoader(lessons.Endless(batch, 8), batch_size=None)
    made.fit(short, loader)
    made.save_checkpoint(saved)
    again = lessons.trainer(8, callbacks=[replies(tokenizer, tmp_path)])
    again.fit(lessons.sft(steps=8), loader, ckpt_path=saved)
    assert said(tmp_path) == whole


class TableFile(MetricsFile):
    """A logger that keeps the tables it is given."""

    def log_table(self, key, *, columns, data, step):
        self.table = (key, columns, data)


def test_a_run_resumed_with_nothing_left_to_train_still_shows_its_table(tmp_path, tokenizer):
    batch, saved = lessons.talk(tokenizer), tmp_path / "saved.ckpt"
    asked = replies(tokenizer, tmp_path)
    lessons.fit(lessons.sft(steps=4), batch, callbacks=[asked]).save_checkpoint(saved)
    logger = TableFile(tmp_path, start=4)
    made = lessons.trainer(4, callbacks=[replies(tokenizer, tmp_path)], logger=logger)
    loader = torch.utils.data.DataLoader(lessons.Endless(batch, 4), batch_size=None)
    made.fit(lessons.sft(steps=4), loader, ckpt_path=saved)
    key, columns, data = logger.table
    assert (key, list(columns), len(data)) == ("replies", ["step", "prompt", "reply"], 10)


@pytest.mark.slow
@pytest.mark.parametrize("is_public", [True, False])
def test_replies_reach_wandb_only_where_they_may(tmp_path, tokenizer, monkeypatch, is_public):
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    tracker = Tracker(project="toy", mode="offline")
    loggers = tracker.loggers(
        "world/sft/1", group="g", job_type="sft", tags=[], config={}, run_dir=tmp_path
    )
    asked = replies(tokenizer, tmp_path, ["a secret cough?"], is_public=is_public)
    lessons.fit(
        lessons.sft(steps=4), lessons.talk(tokenizer), callbacks=[Curves(), asked], logger=loggers
    )
    tracker.finish()
    sent = [f for f in tmp_path.glob("wandb/**/*") if f.is_file() and b"a secret" in f.read_bytes()]
    assert bool(sent) == is_public
    tables = [item["item"] for item in read(tmp_path)["history"] if "replies.nrows" in item["item"]]
    assert [table["replies.nrows"] for table in tables] == ([1, 2, 3, 4, 5] if is_public else [])
    assert len(said(tmp_path)) == 5
