import os

import pytest

from medllm.errors import UserError
from medllm.report.collect import collect, read_curves
from tests.report.conftest import BASE, CPT_K, DPO_E, DPO_K, NAME, write_point


def test_a_run_that_two_points_share_is_held_once(recipe):
    assert len(recipe.runs) == 5
    assert recipe.sharing("base") == {BASE: [0, 1]}


def test_points_stand_in_the_order_of_their_settings(recipe):
    assert [point.overrides["data"] for point in recipe.points] == ["elsewhere", "knowledge"]


def test_a_run_is_done_unfinished_or_not_run(runs):
    (runs / CPT_K / "done.json").unlink()
    recipe = collect(runs, NAME)
    assert [recipe.runs[run].status for run in (BASE, CPT_K, DPO_E)] == [
        "done",
        "unfinished",
        "not run",
    ]


def test_curves_are_sparse_and_the_last_value_of_a_step_counts(runs):
    curves = read_curves(runs / DPO_K / "metrics.csv")
    assert curves["train/margin"].steps.tolist() == [4]
    assert curves["train/margin"].values.tolist() == [1.5]
    assert curves["heldout/general/bits_per_byte"].values.tolist() == [2.3]


def test_a_line_that_is_still_being_written_does_not_count(tmp_path):
    (tmp_path / "metrics.csv").write_text("step,train/loss\n1,2.5\n2,1")
    assert read_curves(tmp_path / "metrics.csv")["train/loss"].values.tolist() == [2.5]


def test_a_file_that_was_cut_off_counts_as_not_run_and_is_told(runs):
    path = runs / CPT_K / "eval" / "exam" / "score.json"
    path.write_text('{"scores": ')
    recipe = collect(runs, NAME)
    assert "exam" not in recipe.runs[CPT_K].evaluations
    assert len(recipe.problems) == 1
    assert f"{path} is not whole JSON" in recipe.problems[0]


def test_a_broken_reply_is_left_out_and_told_with_its_line(runs):
    path = runs / CPT_K / "eval" / "talk" / "replies.jsonl"
    path.write_text(path.read_text() + '{"id": "t/2", "te')
    recipe = collect(runs, NAME)
    assert len(recipe.runs[CPT_K].evaluations["talk"].replies) == 1
    assert f"{path}:2 is not whole JSON" in recipe.problems[0]


def test_of_two_points_with_the_same_settings_the_newer_counts(runs):
    older = write_point(runs, "c", {"data": "knowledge", "seed": "1"}, [BASE, "w/cpt/9", DPO_K])
    os.utime(older, (0, 0))
    recipe = collect(runs, NAME)
    assert len(recipe.points) == 2
    assert "w/cpt/9" not in recipe.runs


def test_an_empty_runs_folder_names_the_command_to_run(tmp_path):
    with pytest.raises(UserError, match="run `medllm recipe experiments=world/tiny` first"):
        collect(tmp_path, NAME)
