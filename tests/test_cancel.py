"""`medllm cancel`: what would be ended, and that it ends."""

import json
import signal

import pytest

from medllm import cancel, config
from medllm.errors import ConfigError, UserError
from tests.report.test_status_find import point
from tests.run_folders import RunFolder, Said, clients
from tests.test_status import trainer

BASE, CPT, SFT, OTHER = (
    "world/base/00000001", "world/cpt/00000002", "world/sft/00000003", "world/cpt/00000004",
)  # fmt: skip
WAITING = Said("PENDING", reason="Dependency")


def frozen(runs, run_id, previous=None):
    return RunFolder(runs, run_id).put("config.yaml", f"previous: {previous or 'null'}\n")


@pytest.fixture
def runs(tmp_path):
    """Base is done; cpt runs, sft waits for it; another cpt is queued."""
    runs = tmp_path / "runs"
    frozen(runs, BASE).submitted("10").done()
    frozen(runs, CPT, BASE).submitted("12").submitted("11", file="jobs/prepare.json")
    frozen(runs, SFT, CPT).submitted("14", after=["12"])
    frozen(runs, OTHER, BASE).submitted("15")
    return runs


JOBS = {
    "10": Said("COMPLETED"), "11": Said("COMPLETED"), "12": Said("RUNNING"), "14": WAITING,
    "15": Said("PENDING"),
}  # fmt: skip


def targets(runs, *wanted, recipe=None, jobs=None):
    found, remarks = cancel.find_targets(
        runs, set(wanted), recipe=recipe, ask=lambda ids: JOBS if jobs is None else jobs
    )
    return [str(target) for target in found], remarks


def run_verb(runs, *words):
    cancel.main(config.compose("cancel", [f"paths.runs='{runs}'", *words]))


def test_what_waits_for_a_run_that_is_ended_is_ended_with_it(runs):
    assert targets(runs, CPT) == (
        [f"job 12: train {CPT}", f"job 14: train {SFT} (it waits for {CPT})"], []
    )  # fmt: skip


def test_a_run_that_starts_from_one_that_is_done_goes_on(runs):
    assert targets(runs, BASE) == ([], [])


def test_a_run_that_waits_may_be_ended_alone(runs):
    assert targets(runs, SFT) == ([f"job 14: train {SFT}"], [])


def test_rows_scores_and_the_report_of_a_recipe_are_no_longer_made(runs):
    point(runs, "a", {}, {"base": BASE, "cpt": CPT})
    base = RunFolder.at(runs, BASE).submitted("16", file="jobs/evaluate-aaaaaaaa.json")
    base.put("jobs/evaluate-aaaaaaaa.yaml", "world_exam: {}\n")
    report = runs / "world/chain/jobs/report.json"
    report.parent.mkdir()
    report.write_text(json.dumps({"id": "17"}))
    jobs = {"11": Said("RUNNING"), "12": WAITING, "16": WAITING, "17": WAITING}
    assert targets(runs, BASE, CPT, recipe="world/chain", jobs=jobs)[0] == [
        f"job 16: evaluate {BASE}",
        f"job 11: prepare {CPT}",
        f"job 12: train {CPT}",
        "job 17: report world/chain",
    ]


def test_nothing_is_ended_without_the_word(runs, tmp_path, monkeypatch, capsys):
    called = clients(tmp_path / "bin", monkeypatch, JOBS)
    run_verb(runs, f"run={CPT}")
    assert not called.exists()
    assert capsys.readouterr().out == (
        f"would end job 12: train {CPT}\n"
        f"would end job 14: train {SFT} (it waits for {CPT})\n"
        "nothing was ended: add sure=true\n"
    )
    run_verb(runs, f"run={CPT}", "sure=true")
    assert called.read_text() == "12 14\n"


def test_a_job_of_another_name_that_has_the_number_now_is_never_ended(tmp_path):
    """Numbers begin anew where a cluster is set up anew."""
    frozen(tmp_path, BASE).submitted("12", name=f"train {BASE}").started(job="12")
    assert targets(tmp_path, BASE, jobs={"12": Said("RUNNING", name="x")}) == ([], [])
    (target,), _ = targets(tmp_path, BASE, jobs={"12": Said("RUNNING", name=f"train {BASE}")})
    assert target == f"job 12: train {BASE}"


def test_where_nothing_is_queued_that_is_said(tmp_path, capsys):
    frozen(tmp_path, BASE).done()
    run_verb(tmp_path, "name=world/*", "sure=true")
    assert capsys.readouterr().out == "nothing is queued or running\n"


def test_a_process_here_is_told_to_stop(tmp_path):
    run = frozen(tmp_path, BASE)
    process = trainer(run)
    try:
        found, remarks = cancel.find_targets(tmp_path, {BASE}, recipe=None, ask=lambda ids: {})
        assert [str(target) for target in found] == [f"process {process.pid}: train {BASE}"]
        assert remarks == []
        cancel.end(found)
        assert process.wait(timeout=60) == -signal.SIGTERM
    finally:
        process.kill()


def test_a_process_that_has_not_the_lock_is_never_told(tmp_path):
    """The number of the last attempt may have been given to another process since."""
    run = frozen(tmp_path, BASE)
    process = trainer(run)
    try:
        run.started(2, host=cancel.platform.node(), pid=1)
        found, remarks = targets(tmp_path, BASE)
    finally:
        process.kill()
        process.wait()
    assert found == []
    (remark,) = remarks
    assert remark.startswith(f"{BASE} is trained by a process that cannot be ended from here; ")


def test_a_process_on_another_machine_is_named(tmp_path):
    run = frozen(tmp_path, BASE).started(host="there", pid=77)
    with run.trained():
        assert targets(tmp_path, BASE)[1] == [
            f"{BASE} is trained by a process that cannot be ended from here; "
            "end process 77 on there"
        ]


def test_configs_that_go_round_in_circles_end(tmp_path):
    frozen(tmp_path, CPT, SFT).submitted("12")
    frozen(tmp_path, SFT, CPT).submitted("14")
    assert len(targets(tmp_path, CPT)[0]) == 2


def test_it_must_be_said_which_runs(tmp_path):
    with pytest.raises(UserError, match="which runs\\? name a recipe="):
        run_verb(tmp_path)


def test_the_word_is_true_or_false(tmp_path):
    with pytest.raises(ConfigError, match="sure='perhaps' must be true or false"):
        run_verb(tmp_path, "sure=perhaps")
