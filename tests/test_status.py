"""`medllm status`, from folders and a Slurm client that says what a test wants."""

import io
import json
import os
import pty
import select
import subprocess
import sys
import time

import pytest
from rich.console import Console

from medllm import config, status
from medllm.cli import REPO
from medllm.errors import ConfigError, UserError
from medllm.journal import Journal
from medllm.report.status import row
from medllm.report.status_find import Found, Listed
from medllm.report.status_read import read
from medllm.report.status_survey import Survey
from medllm.report.status_watch import watch
from tests.run_folders import HERE, RunFolder, Said, clients

# Holds the lock of a run as a rank does that trains, and does nothing.
TRAINER = """
import sys, time; from pathlib import Path
from medllm import lock; from medllm.journal import Journal
with lock.held(Path(sys.argv[1]) / ".lock", waiting=""):
    Journal(Path(sys.argv[1])).started(step=0, processes=1)
    print("training", flush=True)
    time.sleep(600)
"""


def show(runs, *words):
    status.main(config.compose("status", [f"paths.runs='{runs}'", *words]))


def told(runs, *words, capsys):
    """What --json says of each run."""
    show(runs, "json=true", *words)
    return json.loads(capsys.readouterr().out)


def trainer(run):
    process = subprocess.Popen(
        [sys.executable, "-c", TRAINER, str(run.path)], stdout=subprocess.PIPE, cwd=REPO
    )
    assert process.stdout is not None, "a pipe was asked for"
    assert process.stdout.readline() == b"training\n"
    return process


def test_a_run_that_trains_here_is_running_and_one_that_was_killed_is_stopped(tmp_path, capsys):
    run = RunFolder(tmp_path)
    process = trainer(run)
    try:
        assert told(tmp_path, capsys=capsys)["counts"] == {"running": 1}
    finally:
        process.kill()
        process.wait()
    (found,) = told(tmp_path, capsys=capsys)["runs"]
    assert (found["state"], found["note"]) == ("stopped", "killed")


def test_slurm_is_asked_about_runs_that_were_queued(tmp_path, monkeypatch, capsys):
    runs = tmp_path / "runs"
    RunFolder(runs, "world/base/00000001").submitted("12").done()
    RunFolder(runs, "world/cpt/00000002").submitted("13").started(job="13").progressed(step=40)
    RunFolder(runs, "world/sft/00000003").submitted("14", after=["13"])
    RunFolder(runs, "world/sft/00000004").submitted("15")
    running = Said("RUNNING", node="sn[1-2]", restarts=2)
    waiting = Said("PENDING", reason="Dependency")
    clients(tmp_path / "bin", monkeypatch, {"13": running, "14": waiting})
    found = told(runs, capsys=capsys)
    assert found["counts"] == {"done": 1, "running": 1, "waiting": 1, "lost": 1}
    assert [run["note"] for run in found["runs"][2:]] == [
        "for job 13",
        "Slurm does not know job 15",
    ]
    assert (found["runs"][1]["node"], found["runs"][1]["restarts"]) == ("sn[1-2]", 2)


def test_where_no_cluster_answers_that_is_told_and_nothing_is_called_lost(
    tmp_path, monkeypatch, capsys
):
    runs = tmp_path / "runs"
    RunFolder(runs).submitted("12")
    done = RunFolder(runs, "world/base/00000001").done()
    done.submitted("13", file="jobs/evaluate-aaaaaaaa.json")
    done.put("jobs/evaluate-aaaaaaaa.yaml", "world_exam: {}\n")
    clients(tmp_path / "bin", monkeypatch, None)
    found = told(runs, capsys=capsys)
    assert found["counts"] == {"done": 1, "unknown": 1}
    assert not found["runs"][0]["is_unscored"]
    (remark,) = found["remarks"]
    assert remark.startswith("Slurm cannot be asked about 2 job(s): squeue is here, but no Slurm")


def test_a_run_that_is_done_says_what_becomes_of_its_scores(tmp_path, monkeypatch, capsys):
    """Four runs: scored, being scored, whose scoring failed, and one nobody wants scored."""
    runs = tmp_path / "runs"
    for number in range(4):
        run = RunFolder(runs, f"world/base/0000000{number}").done()
        if number < 3:
            run.submitted(f"2{number}", file="jobs/evaluate-aaaaaaaa.json")
            run.put("jobs/evaluate-aaaaaaaa.yaml", "world_exam:\n  questions: 5\nworld_open: {}\n")
    for name in ("world_exam", "world_open"):
        file = runs / "world/base/00000000/eval" / name / "score.json"
        file.parent.mkdir(parents=True)
        file.write_text("{}")
    jobs = {"21": Said("RUNNING"), "22": Said("FAILED", reason="NonZeroExitCode")}
    clients(tmp_path / "bin", monkeypatch, jobs)
    found = told(runs, capsys=capsys)
    assert found["counts"] == {"done": 4}
    assert [run["note"] for run in found["runs"]] == [
        "", "job 21 scores it: running", "not scored; job 22 ended: failed", "",
    ]  # fmt: skip
    assert [run["is_unscored"] for run in found["runs"]] == [False, False, True, False]


def test_rows_that_could_not_be_made_are_the_failure_of_the_run(tmp_path, monkeypatch, capsys):
    runs = tmp_path / "runs"
    run = RunFolder(runs).submitted("13", after=["12"])
    run.submitted("12", file="jobs/prepare.json").put("jobs/slurm-12.log", "no such corpus")
    killed = Said("CANCELLED", reason="DependencyNeverSatisfied")
    failed = Said("FAILED", reason="NonZeroExitCode")
    clients(tmp_path / "bin", monkeypatch, {"12": failed, "13": killed})
    (found,) = told(runs, capsys=capsys)["runs"]
    why = "its data could not be prepared: job 12 ended: failed"
    assert (found["state"], found["note"]) == ("failed", why)
    assert found["log"] == str(run.path / "jobs" / "slurm-12.log")


def test_there_may_be_no_runs(tmp_path, capsys):
    show(tmp_path / "absent")
    assert capsys.readouterr().out == "no runs\n"


def test_the_table_is_shown(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    RunFolder(tmp_path).started().ended(why="failed").put(
        "error.json", {"step": 3, "kind": "Diverged", "message": "no"}
    )
    show(tmp_path, "name=world/*")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1 run: 1 failed"
    assert lines[4].split()[:2] == ["world/cpt/1a2b3c4d", "failed"]
    assert lines[-1] == "world/cpt/1a2b3c4d failed: Diverged at step 3: no"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["watch=often"], "watch='often' must be true or false"),
        (["json=1"], "json=1 must be true or false"),
        (["every=0"], "every=0 must be a number of seconds above 0"),
        (["silent=long"], "silent='long' must be a number of minutes above 0"),
        (["watch=true", "json=true"], "leave one of them out"),
    ],
)
def test_values_that_mean_nothing_are_refused(words, said, tmp_path):
    with pytest.raises(ConfigError, match=said):
        show(tmp_path, *words)


def test_a_run_that_is_not_there_is_refused(tmp_path):
    RunFolder(tmp_path)
    with pytest.raises(UserError, match=r"run='world/cpt/1a2b3c4e' .*mean 'world/cpt/1a2b3c4d'"):
        show(tmp_path, "run=world/cpt/1a2b3c4e")


def test_a_watch_in_a_log_tells_changes_only_and_ends_with_the_last_run(tmp_path):
    """Step 1, step 1 again, step 2, done: three tables."""
    run = RunFolder(tmp_path)

    def seen():
        while stories:
            stories.pop(0)()
            found = Found([Listed(run.id)], [])
            traces = [read(tmp_path, run.id)]
            yield Survey(found, traces, [row(traces[0], {}, HERE)], [])

    stories = [
        lambda: run.started(host="there").progressed(step=1),
        lambda: None,
        lambda: run.progressed(step=2),
        run.done,
    ]
    out, looks = io.StringIO(), seen()
    watch(lambda: next(looks), Console(file=out, width=80), every=0.001)
    assert out.getvalue().count("1 run: ") == 3
    assert "1 run: 1 done" in out.getvalue()


@pytest.mark.parametrize("key", [b"q", b"\x03"])
def test_a_watch_on_a_terminal_ends_quietly_with_q_or_ctrl_c(key, tmp_path):
    RunFolder(tmp_path).submitted()
    words = ["status", "--watch", "every=0.2", f"paths.runs={tmp_path}"]
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(REPO)
        os.execv(sys.executable, [sys.executable, "-m", "medllm.cli", *words])
    said = told_until(terminal, b"world/cpt/1a2b3c4d")
    os.write(terminal, key)
    said += told_until(terminal, None)
    _, ended = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(ended) == 0, said.decode()
    assert b"interrupted" not in said
    assert b"Traceback" not in said


def told_until(terminal, word):
    """What a terminal shows until `word`, or until its end."""
    said, limit = b"", time.monotonic() + 60
    while (word is None or word not in said) and time.monotonic() < limit:
        if select.select([terminal], [], [], 1)[0]:
            try:
                said += os.read(terminal, 1 << 16)
            except OSError:  # Linux: the other side is closed
                return said
    return said


def test_500_runs_are_read_in_a_second_of_processor_time(tmp_path):
    """0.2 s here, for 8 files of each; wall time says more about who else is busy."""
    frozen = "previous: world/base/00000000\n" + "key: value\n" * 300
    for number in range(500):
        run = RunFolder(tmp_path, f"world/cpt/{number:08x}").put("config.yaml", frozen)
        run.started().progressed().put(".lock", "").submitted(file="jobs/prepare.json")
    started = time.process_time()
    found = status.look(tmp_path, silent=HERE.silent, ask=lambda ids: {})
    assert len(found.rows) == 500
    assert time.process_time() - started < 1


def test_the_verbs_that_look_import_no_torch():
    script = (
        "import sys, medllm.status, medllm.cancel, medllm.retry;"
        "sys.exit(str([name for name in ('torch', 'transformers') if name in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPO, capture_output=True, text=True, check=False
    )
    assert done.stderr == "[]\n"


def test_the_journal_of_a_run_is_what_status_reads(tmp_path, capsys):
    run = RunFolder(tmp_path)
    journal = Journal(run.path)
    journal.ended(journal.started(step=0, processes=1), step=7, why="told to stop")
    (found,) = told(tmp_path, capsys=capsys)["runs"]
    assert (found["state"], found["note"], found["step"]) == ("stopped", "told to stop", 7)
