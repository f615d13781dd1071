"""`medllm evaluate`: replies are stored, then scored; what is known is not asked again."""

import json
import shutil

import pytest
from omegaconf import OmegaConf

from medllm.data.source.read import Quarantine
from tests.verbs import Places, times

TRAIN = ("experiments=world/base", "world=tiny", "stage.epochs=1", "tracker.mode=disabled")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A base model after one step, and where it lies."""
    places = Places(tmp_path_factory.mktemp("evaluate"))
    assert places.medllm("train", *TRAIN) == 0
    return places


@pytest.fixture
def places(trained, tmp_path):
    """A copy for each test, without scores."""
    for name in ("corpora", "runs"):
        shutil.copytree(getattr(trained, name), tmp_path / name)
    return Places(tmp_path)


def evaluate(places, *words):
    (run_dir,) = places.folders("world/base")
    status = places.medllm("evaluate", f"run=world/base/{run_dir.name}", "world=tiny", *words)
    return status, run_dir / "eval"


def lines(file):
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_replies_scores_and_items_lie_in_the_run(places, capsys):
    """4 examined diseases x 5 relations x 2 stems."""
    status, folder = evaluate(places, "benchmark=world_exam")
    assert status == 0
    replies = lines(folder / "world_exam/replies.jsonl")
    assert len(replies) == len(lines(folder / "world_exam/items.jsonl")) == 40
    assert all(len(reply["logps"]) in (4, 5) for reply in replies)
    assert (folder / "world_exam/quarantine.jsonl").read_text() == ""
    score = json.loads((folder / "world_exam/score.json").read_text())
    assert score["questions"] == 40
    right = [item["right"] for item in lines(folder / "world_exam/items.jsonl")]
    assert score["scores"]["accuracy"]["value"] == sum(right) / 40
    assert json.loads(capsys.readouterr().out) == score


def test_what_is_scored_is_not_asked_again(places, capsys):
    _, folder = evaluate(places, "benchmark=world_exam")
    before, said = times(folder), capsys.readouterr().out
    assert evaluate(places, "benchmark=world_exam")[0] == 0
    assert times(folder) == before
    assert capsys.readouterr().out == said


def test_a_deleted_score_comes_back_from_the_replies_without_the_model(places):
    _, folder = evaluate(places, "benchmark=world_exam")
    score = (folder / "world_exam/score.json").read_bytes()
    (folder / "world_exam/score.json").unlink()
    shutil.rmtree(folder.parent / "export")
    assert evaluate(places, "benchmark=world_exam")[0] == 0
    assert (folder / "world_exam/score.json").read_bytes() == score


def test_other_metrics_are_taken_from_the_replies_without_the_model(places):
    few = "benchmark.limit=3"
    _, folder = evaluate(places, "benchmark=world_open", few)
    replies = (folder / "world_open/replies.jsonl").read_bytes()
    before = json.loads((folder / "world_open/score.json").read_text())
    shutil.rmtree(folder.parent / "export")
    assert evaluate(places, "benchmark=world_open", few, "benchmark.metrics=[rouge]")[0] == 0
    assert (folder / "world_open/replies.jsonl").read_bytes() == replies
    after = json.loads((folder / "world_open/score.json").read_text())
    assert set(before["scores"]) - set(after["scores"]) == {"bleu_1", "bleu_2", "bleu_3", "bleu_4"}
    assert after["scores"]["rouge_l"] == before["scores"]["rouge_l"]


def test_another_question_is_asked_anew(places):
    _, folder = evaluate(places, "benchmark=world_exam")
    assert evaluate(places, "benchmark=world_exam", "benchmark.limit=5")[0] == 0
    assert len(lines(folder / "world_exam/replies.jsonl")) == 5
    assert json.loads((folder / "world_exam/score.json").read_text())["questions"] == 5


def test_scores_of_a_run_that_nobody_checked_say_so(places):
    _, folder = evaluate(places, "benchmark=world_exam")
    told = json.loads((folder / "world_exam/score.json").read_text())["contamination"]
    run_id = f"world/base/{folder.parent.name}"
    assert told == {"checked": False, "unchecked_runs": [run_id], "matched": 0}


def test_questions_that_stood_in_the_training_data_are_scored_apart(places, capsys):
    """The digest is that of the benchmark's 40 questions; 10 of them were found, 1 dropped."""
    from medllm import config
    from medllm.data.contamination.report import digest

    _, folder = evaluate(places, "benchmark=world_exam")
    benchmark = config.instantiate(OmegaConf.load(folder / "world_exam/benchmark.yaml"))
    questions = benchmark.read(Quarantine())
    matched = {
        q.id: {"kind": "question", "source": "books", "example": "b/1", "dropped": n == 0}
        for n, q in enumerate(questions[:10])
    }
    found = {"world_exam": {"digest": digest(questions), "questions": 40, "matched": matched}}
    (folder.parent / "contamination.json").write_text(json.dumps({"benchmarks": found}))
    (folder / "world_exam/score.json").unlink()
    capsys.readouterr()
    assert evaluate(places, "benchmark=world_exam")[0] == 0
    told = json.loads(capsys.readouterr().out)["contamination"]
    assert (told["checked"], told["matched"]) == (True, 9)
    seen = [item["matched"] for item in lines(folder / "world_exam/items.jsonl")]
    assert seen == [None] + ["question"] * 9 + [None] * 30
    right = [item["right"] for item in lines(folder / "world_exam/items.jsonl")]
    assert told["matched_scores"]["accuracy"]["value"] == pytest.approx(sum(right[1:10]) / 9)


def test_a_score_of_before_contamination_was_asked_for_is_taken_again(places):
    _, folder = evaluate(places, "benchmark=world_exam")
    file = folder / "world_exam/score.json"
    whole = json.loads(file.read_text())
    file.write_text(json.dumps({key: whole[key] for key in whole if key != "contamination"}))
    shutil.rmtree(folder.parent / "export")
    assert evaluate(places, "benchmark=world_exam")[0] == 0
    assert json.loads(file.read_text()) == whole


def test_a_run_without_an_export_is_refused(places, capsys):
    status = places.medllm(
        "evaluate", "run=world/base/00000000", "benchmark=world_exam", "world=tiny"
    )
    assert status == 2
    assert capsys.readouterr().err == (
        f"medllm: {places.runs}/world/base/00000000 has no export: "
        "train it first, or change `run`\n"
    )
