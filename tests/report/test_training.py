from medllm.report import training
from medllm.report.collect import collect
from tests.report.conftest import CPT_E, NAME, mixed


def test_a_loss_has_a_line_per_run_in_the_colour_of_its_point(recipe):
    (panel,) = training.losses(recipe)
    assert [(line.label, line.colour) for line in panel.lines] == [
        ("elsewhere", 0),
        ("knowledge", 1),
    ]
    assert panel.lines[1].y.tolist() == [3.0, 3.0]


def test_a_shared_run_has_no_colour_of_its_own(recipe):
    (panel,) = training.run_panel(recipe, "base", "heldout/general/bits_per_byte", "", "")
    assert [(line.label, line.colour) for line in panel.lines] == [("all points", None)]


def test_runs_with_the_same_mix_share_a_panel(recipe):
    (panel,) = training.mixes(recipe)
    assert panel.title == "cpt: mix, all points"
    assert {line.label: line.y[-1] for line in panel.lines} == {"books": 0.75, "web": 0.25}


def test_runs_with_different_mixes_do_not(runs):
    metrics = runs / CPT_E / "metrics.csv"
    metrics.write_text(mixed(3.5).replace("0.75", "0.5"))
    titles = [panel.title for panel in training.mixes(collect(runs, NAME))]
    assert titles == ["cpt: mix, elsewhere", "cpt: mix, knowledge"]


def test_the_loss_by_source_is_told_run_by_run(recipe):
    elsewhere, knowledge = training.source_losses(recipe)
    assert {line.label: line.y[-1] for line in knowledge.lines} == {"books": 3.0, "web": 6.0}
    assert elsewhere.title == "cpt: loss by source, elsewhere"


def test_preference_tuning_shows_margin_and_pairs(recipe):
    margin, pairs = training.preferences(recipe)
    assert margin.lines[0].y.tolist() == [1.5]
    assert pairs.lines[0].y.tolist() == [1.0]
