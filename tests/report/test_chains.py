import numpy as np
import pytest

from medllm.report import chains
from medllm.report.collect import collect
from tests.report.conftest import BASE, NAME, write_lines


def test_scores_carry_the_distances_to_the_ends_of_their_intervals(recipe):
    panel = next(chains.scores(recipe))
    knowledge = panel.lines[1]
    assert panel.stages == ["base", "cpt", "dpo"]
    assert knowledge.y.tolist() == [0.25, 0.5, 0.75]
    np.testing.assert_allclose(knowledge.spread, np.full((2, 3), 0.1))


def test_a_stage_that_was_not_run_has_no_dot(recipe):
    assert next(chains.scores(recipe)).lines[0].x.tolist() == [0, 1]


def test_a_random_answer_is_right_once_in_so_many_options(recipe):
    """The exam has one question of two options; written replies have no options to pick from."""
    assert [panel.guess for panel in chains.scores(recipe)] == [0.5, None]


def test_a_random_option_never_hits_a_key_of_several_letters(runs):
    """Two questions of two options, one with the key AB: (1/2 + 0) / 2 = 1/4."""
    exam = runs / BASE / "eval" / "exam"
    logps = {"A": -1, "B": -2}
    write_lines(exam / "replies.jsonl", [{"id": i, "logps": logps} for i in ("q/1", "q/2")])
    write_lines(exam / "items.jsonl", [{"id": "q/1", "answer": "A"}, {"id": "q/2", "answer": "AB"}])
    assert next(chains.scores(collect(runs, NAME))).guess == 0.25


def test_every_stage_of_held_out_text_is_one_wide(recipe):
    """The base logs at steps 0 and 4 of 4, cpt too, dpo at its last step only."""
    (panel,) = chains.heldout(recipe)
    assert panel.lines[1].x.tolist() == [0, 1, 1, 2, 3]
    assert panel.lines[1].y.tolist() == [4.0, 2.0, 2.0, 2.1, 2.3]


def test_forgetting_and_gain_start_at_the_base(recipe):
    """knowledge: accuracy +0.25 and +0.5; general bits per byte +0.1 and +0.3."""
    (panel,) = chains.forgetting(recipe)
    knowledge = panel.lines[1]
    assert knowledge.x == pytest.approx([0, 0.25, 0.5])
    assert knowledge.y == pytest.approx([0, 0.1, 0.3])
    assert knowledge.marks == ("base", "cpt", "dpo")
