import csv
import json

import pytest

from medllm.report import tables
from medllm.report.collect import Point, Score, collect
from medllm.report.tables import HELDOUT, Column
from tests.report.conftest import BASE, CPT_E, CPT_K, DPO_E, DPO_K, NAME

ACCURACY, BLEU, BITS = (
    Column("exam", "accuracy"),
    Column("talk", "bleu_4"),
    Column(HELDOUT, "general"),
)


def test_headlines_leave_out_what_is_secondary(recipe):
    assert tables.headlines(recipe) == [ACCURACY, BLEU, BITS]
    assert Column("talk", "bleu_1") in tables.columns(recipe)


def test_a_benchmark_without_a_known_headline_keeps_all_its_scores():
    assert tables.headline([Column("x", "a"), Column("x", "b")]) == [
        Column("x", "a"),
        Column("x", "b"),
    ]


def test_held_out_bits_are_the_last_that_were_logged(recipe):
    assert tables.cell(recipe.runs[CPT_K], BITS) == Score(2.1)


def test_a_run_that_is_missing_has_no_cell(recipe):
    assert tables.cell(recipe.runs[DPO_E], ACCURACY) is None
    assert tables.cell(recipe.runs[DPO_E], BITS) is None


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (Score(0.5, 0.41, 0.6), 1),
        (Score(0.5, 0.40, 0.6), 0),
        (Score(0.1, 0.05, 0.19), -1),
        (Score(0.9), 0),
    ],
)
def test_a_score_has_moved_when_its_interval_is_clear_of_the_base(score, expected):
    assert tables.moved(score, Score(0.3, 0.2, 0.4)) == expected


def test_labels_name_only_what_differs(recipe):
    assert tables.labels(recipe) == ["elsewhere", "knowledge"]


def test_a_shared_run_is_named_by_what_its_points_agree_on():
    settings = [("s", "k"), ("s", "e"), ("m", "k"), ("m", "e")]
    points = [Point(overrides={"model": m, "data": d}, steps={}) for m, d in settings]
    assert tables.common_label(points, [0, 1]) == "s"
    assert tables.common_label(points, [3]) == "m · e"
    assert tables.common_label(points, [0, 1, 2, 3]) == "all points"
    assert tables.common_label(points[:1], [0]) == "the recipe as written"


def test_a_setting_that_only_some_points_name_is_as_written_in_the_others():
    points = [Point(overrides={}, steps={}), Point(overrides={"model": "m"}, steps={})]
    assert [tables.common_label(points, [n]) for n in (0, 1)] == ["model as written", "m"]


def test_numbers_have_the_digits_of_their_unit():
    assert tables.bracketed(Score(0.25, 0.15, 0.35), ACCURACY) == "0.250 (0.150–0.350)"
    assert tables.bracketed(Score(12.34, 10, 15), BLEU) == "12.3 (10.0–15.0)"
    assert tables.bracketed(Score(2.1), BITS) == "2.100"


def test_the_csv_has_a_line_per_point_and_stage_and_blanks_for_what_is_missing(recipe):
    lines = list(csv.DictReader(tables.as_csv(recipe).splitlines()))
    assert [(line["data"], line["step"], line["status"]) for line in lines] == [
        ("elsewhere", "base", "done"),
        ("elsewhere", "cpt", "done"),
        ("elsewhere", "dpo", "not run"),
        ("knowledge", "base", "done"),
        ("knowledge", "cpt", "done"),
        ("knowledge", "dpo", "done"),
    ]
    assert lines[5]["exam/accuracy"] == "0.75"
    assert lines[5]["exam/accuracy/low"] == "0.65"
    assert lines[2]["exam/accuracy"] == ""
    assert lines[0]["points_sharing"] == "2"
    assert lines[1]["held-out text/general"] == "2.1"


def test_the_markdown_table_marks_what_is_shared_and_what_is_missing(recipe):
    lines = tables.as_markdown(recipe).splitlines()
    assert (
        lines[2] == "| elsewhere | base (shared) | 0.250 (0.150–0.350) | 12.5 (10.5–14.5) | 2.000 |"
    )
    assert lines[4] == "| elsewhere | dpo | not run | not run | not run |"


def test_a_benchmark_that_nobody_checked_is_marked(recipe):
    """All four runs that were scored are of before; nobody is scored on `quiz`."""
    assert tables.contamination(recipe, "exam") == "4 of 4 runs unchecked"
    assert tables.contamination(recipe, "quiz") == ""


def test_a_benchmark_is_marked_by_the_most_that_a_run_has_seen(runs):
    for run_id, contamination in {
        BASE: {"checked": True, "unchecked_runs": [], "matched": 0},
        CPT_K: {"checked": True, "unchecked_runs": [], "matched": 1, "clean": {}},
        CPT_E: {"checked": True, "unchecked_runs": [], "matched": 0},
        DPO_K: {"checked": False, "unchecked_runs": [DPO_K], "matched": 1},
    }.items():
        file = runs / run_id / "eval/exam/score.json"
        score = json.loads(file.read_text())
        file.write_text(json.dumps(score | {"contamination": contamination}))
    assert tables.contamination(collect(runs, NAME), "exam") == "1 of 1 seen, 1 of 4 runs unchecked"
