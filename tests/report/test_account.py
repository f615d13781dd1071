import shutil

from medllm.report.account import failures_section, runs_section, signatures_section
from medllm.report.collect import collect
from tests.report.conftest import BASE, CPT_K, DPO_K, NAME


def test_failures_are_listed(runs):
    shutil.rmtree(runs / CPT_K / "eval" / "talk")
    (runs / BASE / "done.json").unlink()
    text = failures_section(collect(runs, NAME))
    assert f"<li>{CPT_K}: not scored on talk</li>" in text
    assert f"<li>{BASE}: unfinished</li>" in text
    assert "<li>w/dpo/4: not run</li>" in text


def test_a_file_that_cannot_be_read_is_among_the_failures(runs):
    (runs / DPO_K / "done.json").write_text("{")
    text = failures_section(collect(runs, NAME))
    assert "done.json is not whole JSON" in text
    assert f"<li>{DPO_K}: unfinished</li>" in text


def test_no_failure_is_said_too(runs):
    path = next(
        path for path in (runs / NAME / "points").iterdir() if "w/dpo/4" in path.read_text()
    )
    path.unlink()
    assert "None: every run finished" in failures_section(collect(runs, NAME))


def test_scores_of_two_signatures_are_not_to_be_compared(runs):
    path = runs / DPO_K / "eval" / "exam" / "score.json"
    path.write_text(path.read_text().replace("choice|v1", "choice|v2"))
    text = signatures_section(collect(runs, NAME))
    assert "exam was scored in more than one way; do not compare across them." in text
    assert "talk was scored" not in text


def test_every_run_is_told_once_with_its_speed(recipe):
    """2,000 tokens in 10 s are 200 tokens/s."""
    text = runs_section(recipe)
    assert text.count(f">{BASE}<") == 1
    cells = ["base", "all points", "done", "4", "10 s", "2 k", "200", "1"]
    assert "".join(f"<td>{cell}</td>" for cell in cells) in text


def test_attempts_without_provenance_are_no_obstacle(runs):
    for path in runs.rglob("provenance.json"):
        path.unlink()
    assert "Machines and versions" not in runs_section(collect(runs, NAME))
