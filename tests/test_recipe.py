"""`medllm recipe experiments=world/tiny`: four stages in a few steps, about 10 seconds."""

import contextlib
import io
import json
from itertools import pairwise
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from tests.test_train import metrics
from tests.verbs import Places, times

TINY = ("experiments=world/tiny", "overrides=['stage.epochs=1','tracker.mode=disabled']")
STEPS = ("base", "cpt", "sft", "dpo")
# One that compares options and one that writes, of the recipe's four.
EXAMS = "benchmarks=[world_exam,world_open]"


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    return Places(tmp_path_factory.mktemp("recipe"))


@pytest.fixture(scope="module")
def said(places):
    """What the first run says."""
    return told(places, *TINY, EXAMS)


def told(places, *words):
    """What `medllm recipe` writes to stderr; wide, so that no cell is cut."""
    heard = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(heard):
        patch.setenv("COLUMNS", "200")
        assert places.medllm("recipe", *words) == 0, heard.getvalue()
    return heard.getvalue()


def rows(said):
    """Stage to its cells, in the table's order, less the lines of intervals."""
    table = [line.split("│") for line in said.splitlines() if line.startswith("│")]
    named = [cells for cells in table if cells[1].strip()]
    return {cells[1].strip(): [cell.strip() for cell in cells[2:-1]] for cells in named}


def run_dirs(places):
    return {step: places.folders(f"world/{step}") for step in STEPS}


@pytest.mark.slow
def test_it_prints_a_row_per_stage_and_a_column_per_score(said, places):
    assert list(rows(said)) == [*STEPS]
    assert "world exam" in said
    assert "accuracy" in said
    (base,) = places.folders("world/base")
    score = json.loads((base / "eval/world_exam/score.json").read_text())
    accuracy = score["scores"]["accuracy"]
    assert rows(said)["base"][0] == "{value:.3f}".format(**accuracy)
    assert "{low:.3f}–{high:.3f}".format(**accuracy) in said


@pytest.mark.slow
def test_every_stage_starts_from_the_one_before(said, places):
    chain = {step: folder for step, (folder,) in run_dirs(places).items()}
    for before, step in pairwise(STEPS):
        frozen = OmegaConf.load(chain[step] / "config.yaml")
        assert frozen.previous == f"world/{before}/{chain[before].name}"
        assert Path(frozen.model.start.path) == chain[before] / "export"


@pytest.mark.slow
def test_preferences_log_how_clear_they_are(said, places):
    (dpo,) = places.folders("world/dpo")
    judged = [row for row in metrics(dpo) if row["train/margin"]]
    assert [int(row["step"]) for row in judged] == [1, 2, 3]  # 60 pairs, 20 a step
    assert float(judged[0]["train/margin"]) == 0  # before the first step policy is reference
    assert all(0 <= float(row["train/accuracy"]) <= 1 for row in judged)


@pytest.mark.slow
def test_it_writes_down_which_runs_it_is_made_of(said, places):
    (file,) = (places.runs / "world/tiny/points").glob("*.json")
    point = json.loads(file.read_text())
    assert [step["step"] for step in point["steps"]] == [*STEPS]
    assert [step["run"] for step in point["steps"]] == [
        f"world/{step}/{folder.name}" for step, (folder,) in run_dirs(places).items()
    ]
    assert point["primary"] == "world_exam"
    assert point["heldout"] == ["general", "medical"]
    assert "paths.runs" not in point["overrides"]


@pytest.mark.slow
def test_a_second_time_everything_is_skipped_and_the_table_is_the_same(said, places):
    before = {file: at for file, at in times(places.runs).items() if file.parent.name != "points"}
    again = told(places, *TINY, EXAMS)
    now = {file: at for file, at in times(places.runs).items() if file.parent.name != "points"}
    assert now == before
    assert rows(again) == rows(said)
    assert again.count("done before") == 4


@pytest.mark.slow
def test_a_sweep_over_data_shares_the_base_and_records_each_point(said, places):
    """The first of the two points is the chain that is there already."""
    sweep = "data.cpt=world_knowledge,world_elsewhere"
    both = told(places, *TINY, EXAMS, "-m", sweep)
    counts = {step: len(folders) for step, folders in run_dirs(places).items()}
    assert counts == {"base": 1, "cpt": 2, "sft": 2, "dpo": 2}
    assert both.count("done before") == 4 + 1
    assert len(list((places.runs / "world/tiny/points").glob("*.json"))) == 2


@pytest.mark.slow
def test_the_same_seed_elsewhere_gives_the_same_table(said, places, tmp_path):
    elsewhere = Places(tmp_path)
    again = told(elsewhere, *TINY, EXAMS)
    assert rows(again) == rows(said)
    for step in STEPS:
        (theirs,) = elsewhere.folders(f"world/{step}")
        ours = places.runs / f"world/{step}" / theirs.name
        for file in ("score.json", "replies.jsonl", "items.jsonl"):
            for exam in ("world_exam", "world_open"):
                path = f"eval/{exam}/{file}"
                assert (theirs / path).read_bytes() == (ours / path).read_bytes()
        assert metrics(theirs) == metrics(ours)


def test_a_plan_says_what_would_be_done_and_does_nothing(tmp_path):
    places = Places(tmp_path)
    plan = told(places, *TINY, "plan=true")
    assert "plan=true: nothing was done" in plan
    assert list(rows(plan)) == [*STEPS]
    assert [cells[-1] for cells in rows(plan).values()] == ["to train"] * 4
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


@pytest.mark.slow
def test_a_plan_knows_what_is_done(said, places):
    plan = told(places, *TINY, "plan=true", "data.cpt=world_no_general")
    states = {step: cells[-1] for step, cells in rows(plan).items()}
    assert states == {"base": "done", "cpt": "to train", "sft": "to train", "dpo": "to train"}


@pytest.mark.slow
@pytest.mark.data
def test_all_four_stages_run_on_real_files(shared_data, tmp_path, capsys):
    """CMExam, Toyhom in GB18030, BenTsao, MedicalGPT's pairs and classical books, a few steps."""
    places = Places(tmp_path)
    places.corpora = shared_data
    words = ["experiments=world/real_smoke", "overrides=['tracker.mode=disabled']"]
    assert places.medllm("recipe", *words) == 0
    assert list(rows(capsys.readouterr().err)) == [*STEPS]
    for step in STEPS:
        (folder,) = places.folders(f"world/real/{step}")
        assert (folder / "export/model.safetensors").is_file()
        score = json.loads((folder / "eval/cmexam_smoke/score.json").read_text())
        assert score["questions"] == 20
    (dialogues,) = places.stores.glob("rows/dialogues-*/manifest.json")
    assert json.loads(dialogues.read_text())["examples"] == 60
