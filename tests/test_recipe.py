"""`medllm recipe experiments=world/tiny`: four stages in a few steps, about 10 seconds."""

import contextlib
import io
import json
import re
import shutil
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from medllm import config, job, recipe
from tests.fake_slurm import FakeSlurm, flag
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


def planned(said):
    """Step to its run and its state, in the order of the tree."""
    found = re.findall(r"─ (\w+)  (\S+)  (.+)$", said, re.MULTILINE)
    return {step: (run, state.strip()) for step, run, state in found}


@pytest.mark.slow
def test_a_plan_says_what_would_be_done_and_does_nothing(tmp_path):
    """Four steps, each one level below the one before; of 2 processes at most an hour each."""
    places = Places(tmp_path)
    plan = told(places, *TINY, "hardware=slurm2", "plan=true")
    assert "nothing was done; leave out plan=true to do it" in plan
    assert {step: state for step, (_, state) in planned(plan).items()} == dict.fromkeys(
        STEPS, "to train"
    )
    drawn = [line for line in plan.splitlines() if "─ " in line]
    assert [line.index("─ ") for line in drawn] == [2, 6, 10, 14]
    assert plan.count("rows to make · ") == 4
    assert plan.count("≤ 2 process-hours") == 4
    assert "1 point, 4 steps, 4 runs: 4 to train\n  ≤ 8 process-hours · " in plan
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


@pytest.mark.slow
def test_a_plan_knows_what_is_done_and_counts_a_shared_run_once(said, places):
    """2 points of 4 steps share the base; the first point is done."""
    sweep = "data.cpt=world_knowledge,world_no_general"
    plan = told(places, *TINY, EXAMS, "plan=true", "-m", sweep)
    (base,) = places.folders("world/base")
    second = planned(plan)  # a later line of the same step counts
    assert second["base"] == (f"world/base/{base.name}", "done, scored 2 of 2")
    assert [second[step][1] for step in STEPS[1:]] == ["to train"] * 3
    assert "2 points, 8 steps, 7 runs (1 shared): 4 done, 3 to train" in plan
    assert plan.count("nothing was done") == 1


@pytest.mark.slow
def test_a_point_that_fails_leaves_the_others_running_and_its_run_is_not_tried_twice(
    said, places, capsys
):
    """Preferences are nothing for cpt. Two points share that run; the other two share one done."""
    words = ["data.cpt=world_preferences,world_knowledge", "+data.sft=null,world_instructions"]
    assert places.medllm("recipe", *TINY, EXAMS, "-m", *words) == 2
    heard = capsys.readouterr().err
    assert "medllm: point 1 of 4 failed: step cpt, world/cpt/" in heard
    assert "the tokenizer's chat template has no {% generation %} marks" in heard
    assert re.search(r"point 2 of 4 failed: step cpt, \S+: failed in point 1 already", heard)
    assert rows(heard)["dpo"]  # the table of the third point
    assert "2 of 4 points failed; the others went on:" in heard


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


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    fake = FakeSlurm(tmp_path / "slurm")
    monkeypatch.setenv("PATH", str(fake.folder), prepend=":")
    return fake


QUEUE = (*TINY, EXAMS, "hardware=slurm2", "submit=true")


def kinds(slurm):
    """Of every job what it does and to which step; their number."""
    return Counter(re.sub(r"/\w{8}$", "", name) for name in slurm.names().values())


@pytest.mark.slow
def test_every_step_is_queued_after_what_it_needs(slurm, tmp_path):
    """Prepare 1, train 2 after 1, evaluate 3 after 2; the next step is prepared after 2."""
    places = Places(tmp_path)
    heard = told(places, *QUEUE)
    waits = list(slurm.waits().values())
    assert waits == [
        None, "afterok:1", "afterok:2",
        "afterok:2", "afterok:2:4", "afterok:5",
        "afterok:5", "afterok:5:7", "afterok:8",
        "afterok:8", "afterok:8:10", "afterok:11",
        "afterany:3:6:9:12",
    ]  # fmt: skip
    assert kinds(slurm) == Counter(
        {"report world/tiny": 1,
         **{f"{what} world/{step}": 1 for what in ("prepare", "train", "evaluate")
            for step in STEPS}}
    )  # fmt: skip
    assert all("--kill-on-invalid-dep=yes" in line for line in list(slurm.jobs.values())[1:])
    assert "13 jobs queued" in heard
    assert len(list((places.runs / "world/tiny/points").glob("*.json"))) == 1


@pytest.mark.slow
def test_points_of_a_sweep_and_a_second_sweep_share_jobs(slurm, tmp_path):
    places = Places(tmp_path)
    sweep = (*QUEUE, "-m", "data.cpt=world_knowledge,world_elsewhere")
    told(places, *sweep)
    first = kinds(slurm)
    assert first["train world/base"] == first["evaluate world/base"] == 1
    assert first["train world/cpt"] == first["evaluate world/dpo"] == 2
    assert first["report world/tiny"] == 1
    assert len(slurm.jobs) == 3 * 7 + 1
    again = told(places, *sweep)
    assert kinds(slurm) == first
    assert again.count("which was queued before") == 2 * 8 + 1  # trained, scored; the report
    assert "0 jobs queued" in again
    evaluations = [job for job, name in slurm.names().items() if name.startswith("evaluate")]
    assert flag(slurm.jobs["22"], "dependency") == f"afterany:{':'.join(evaluations)}"


@pytest.mark.parametrize(("model", "devices"), [("world_s", 1), ("world_m", 2)])
def test_each_model_has_the_hardware_that_it_needs(model, devices):
    words = ["experiments=world/tiny", f"model={model}", "+hardware_for.world_m=cpu2"]
    steps = recipe.chain(config.compose("recipe", words))
    assert [step.cfg.hardware.devices for step in steps.values()] == [devices] * 4


def test_a_large_recipe_is_queued_only_by_name(slurm, tmp_path, capsys):
    places = Places(tmp_path)
    words = (*QUEUE, "sweep_limit=7", "-m", "data.cpt=world_knowledge,world_elsewhere")
    assert places.medllm("recipe", *words) == 2
    assert "this sweep of 2 points may train 8 runs" in capsys.readouterr().err
    assert slurm.jobs == {}


@pytest.mark.slow
def test_what_the_jobs_do_is_what_the_recipe_does_here(said, places, slurm, tmp_path, capsys):
    """Rows, scores and report of the first step, made by the words that sbatch was given."""
    elsewhere = Places(tmp_path)
    told(elsewhere, *QUEUE)
    (base,) = places.folders("world/base")
    run_dir = elsewhere.runs / "world/base" / base.name
    assert job.main(slurm.words("1")) == 0
    assert (run_dir / "contamination.json").read_bytes() == (
        base / "contamination.json"
    ).read_bytes()
    shutil.copytree(base / "export", run_dir / "export")
    assert job.main(slurm.words("3")) == 0
    for exam in ("world_exam", "world_open"):
        ours, theirs = (d / "eval" / exam / "score.json" for d in (run_dir, base))
        assert ours.read_bytes() == theirs.read_bytes()
    assert job.main(slurm.words("13")) == 0
    assert (elsewhere.runs / "world/tiny/report/index.html").is_file()
