"""`medllm retry`: only what ended without being done, each after what it starts from."""

import json
import subprocess
from datetime import timedelta

import pytest

from medllm import cancel, config, retry, submit
from medllm.errors import ConfigError, UserError
from medllm.launch import slurm
from medllm.prepare import held_against
from medllm.report.status_survey import look
from tests.report.test_status_find import point
from tests.run_folders import RunFolder, Said, clients
from tests.test_cancel import BASE, CPT, OTHER, SFT, WAITING, frozen

DPO = "world/dpo/00000005"
NEVER = Said("CANCELLED", reason="DependencyNeverSatisfied")


@pytest.fixture
def runs(tmp_path):
    """Base is done; one cpt failed, and sft and dpo waited for it; another cpt runs."""
    runs = tmp_path / "runs"
    frozen(runs, BASE).submitted("10").done()
    frozen(runs, CPT, BASE).submitted("12")
    frozen(runs, SFT, CPT).submitted("14", after=["12"])
    frozen(runs, DPO, SFT).submitted("16", after=["14"])
    frozen(runs, OTHER, BASE).submitted("15")
    return runs


JOBS = {"12": Said("FAILED"), "14": NEVER, "15": Said("RUNNING"), "16": NEVER}


def planned(runs, *wanted, jobs=None):
    seen = look(runs, silent=timedelta(minutes=10), ask=lambda ids: jobs or JOBS)
    return retry.plan(seen, set(wanted))


def run_verb(runs, *words):
    retry.main(config.compose("retry", [f"paths.runs='{runs}'", *words]))


def test_what_failed_and_what_waited_for_it_are_queued_in_the_order_of_the_chain(runs):
    found = planned(runs, BASE, CPT, SFT, DPO, OTHER)
    assert (found.again, found.unscored, found.left) == ([CPT, SFT, DPO], [], [])


def test_of_a_run_that_is_named_all_that_starts_from_it_is_queued_too(runs):
    assert planned(runs, CPT).again == [CPT, SFT, DPO]


def test_what_is_done_or_in_the_queue_is_left_alone(runs):
    assert planned(runs, BASE, OTHER) == retry.Plan([], [], [])


def test_a_run_cannot_be_queued_without_the_one_it_starts_from(runs):
    found = planned(runs, SFT, DPO)
    assert found.again == []
    assert found.left == [
        f"{SFT}: left alone, starts from {CPT}, which is not done; retry that one too",
        f"{DPO}: left alone, starts from {SFT}, which is not done; retry that one too",
    ]


def test_a_run_goes_on_after_one_that_is_queued_again_already(runs):
    again = {**JOBS, "12": Said("PENDING")}
    assert planned(runs, CPT, SFT, DPO, jobs=again).again == [SFT, DPO]


def test_a_run_that_slurm_forgot_or_that_was_cancelled_is_queued_again(runs):
    assert planned(runs, CPT, jobs={"12": Said("CANCELLED")}).again == [CPT, SFT, DPO]
    assert planned(runs, CPT, jobs={"9": Said("RUNNING")}).again == [CPT, SFT, DPO]


def test_what_was_never_queued_is_left_to_the_command_that_started_it(tmp_path):
    frozen(tmp_path, BASE).started(host=cancel.platform.node()).ended(why="failed")
    frozen(tmp_path, CPT)
    command = "the command that started it goes on with it"
    assert planned(tmp_path, BASE, CPT, SFT).left == [
        f"{BASE}: left alone, failed, and never queued: {command}",
        f"{CPT}: left alone, not started, and never queued: {command}",
        f"{SFT}: left alone, not started: `medllm recipe` with submit=true queues it",
    ]


def test_a_run_whose_scoring_failed_is_scored_again(runs):
    base = RunFolder.at(runs, BASE).submitted("17", file="jobs/evaluate-aaaaaaaa.json")
    base.put("jobs/evaluate-aaaaaaaa.yaml", "world_exam: {}\n")
    assert planned(runs, BASE, jobs={"17": Said("FAILED")}).unscored == [BASE]
    assert planned(runs, BASE, jobs={"17": WAITING}).unscored == []


def test_where_slurm_cannot_be_asked_nothing_is_queued(runs, tmp_path, monkeypatch, capsys):
    clients(tmp_path / "bin", monkeypatch, None)
    run_verb(runs, f"run={CPT}", "sure=true")
    said = capsys.readouterr().out
    assert f"{CPT}: left alone, unknown: Slurm cannot be asked about job 12" in said
    assert "no Slurm cluster answers" in said
    assert said.endswith("nothing has failed that could be queued again\n")


def test_nothing_is_queued_without_the_word(runs, tmp_path, monkeypatch, capsys):
    """Were something queued, the sbatch of the tests would refuse it."""
    clients(tmp_path / "bin", monkeypatch, JOBS)
    run_verb(runs, f"run={CPT}")
    assert capsys.readouterr().out == (
        f"{CPT}: failed, job 12 ended: failed\n"
        f"{SFT}: stopped, a job that it waited for has failed or was cancelled\n"
        f"{DPO}: stopped, a job that it waited for has failed or was cancelled\n"
        "nothing was queued: add sure=true\n"
    )


def test_it_must_be_said_which_runs_and_whether_for_sure(tmp_path):
    with pytest.raises(UserError, match="which runs\\? name a recipe="):
        run_verb(tmp_path)
    with pytest.raises(ConfigError, match="sure=1 must be true or false"):
        run_verb(tmp_path, "sure=1")


@pytest.fixture
def chain(tmp_path):
    """Base and cpt, queued for a real cluster and held there; their ids and the queue."""
    places = [f"paths.{name}={tmp_path / name}" for name in ("corpora", "stores", "runs")]
    held = ["hardware=slurm2", "+hardware.slurm.flags.hold=true", "world=tiny", *places]
    queue, ids, job = submit.Queue(runs=tmp_path / "runs"), [], None
    for step, words in {"base": [], "cpt": ["data=world_knowledge"]}.items():
        before = [f"previous={ids[-1]}"] if ids else []
        cfg = config.compose("train", [f"experiments=world/{step}", *words, *held, *before])
        ids.append(config.run_id(cfg))
        after = [job] if job else []
        job = submit.submit_run(cfg, exams=held_against(cfg), queue=queue, after=after)
    yield queue.runs, ids
    mine = [json.loads(file.read_text())["id"] for file in queue.runs.rglob("*.json")
            if file.name in ("job.json", "prepare.json")]  # fmt: skip
    slurm.cancel([*queue.put_here, *mine])


@pytest.mark.slurm
@pytest.mark.slow
def test_a_chain_is_cancelled_and_queued_again_on_a_real_cluster(chain, capsys):
    runs, (base, cpt) = chain
    point(runs, "a", {}, {"base": base, "cpt": cpt})
    before = {run: job_of(runs, run) for run in (base, cpt)}
    assert states(runs) == {base: "queued", cpt: "queued"}  # held, which comes before waiting

    cancel.main(config.compose("cancel", [f"paths.runs={runs}", f"run={base}", "sure=true"]))
    assert f"ending job {before[cpt]['id']}: train {cpt} (it waits for {base})" in (
        capsys.readouterr().out
    )
    assert states(runs) == {base: "stopped", cpt: "stopped"}

    run_verb(runs, "recipe=world/chain", "sure=true")
    after = {run: job_of(runs, run) for run in (base, cpt)}
    assert states(runs) == {base: "queued", cpt: "queued"}  # held, which comes before waiting
    assert not {job["id"] for job in before.values()} & {job["id"] for job in after.values()}
    assert after[base]["id"] in after[cpt]["after"]
    queued = subprocess.run(
        ["squeue", "-h", "-o", "%E", "-j", after[cpt]["id"]],
        capture_output=True, text=True, timeout=60, check=True,
    ).stdout  # fmt: skip
    assert f"afterok:{after[base]['id']}" in queued

    run_verb(runs, "recipe=world/chain", "sure=true")
    assert job_of(runs, base) == after[base], "what is in the queue is left alone"


def job_of(runs, run):
    return json.loads((runs / run / "job.json").read_text())


def states(runs):
    seen = look(runs, silent=timedelta(minutes=10), ask=slurm.states)
    return {row.id: row.state for row in seen.rows}
