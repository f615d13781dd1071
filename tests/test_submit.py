"""Runs as jobs: what is frozen, queued, waited for and left out. Slurm is a stand-in here."""

import importlib
import json
import shutil
import subprocess
import sys

import pytest
from omegaconf import OmegaConf

from medllm import config
from medllm.errors import UserError
from medllm.submit.queue import one_device
from tests.fake_slurm import FakeSlurm, flag
from tests.verbs import Places

BASE = ("train", "experiments=world/base", "world=tiny", "hardware=slurm2")
standing = importlib.import_module("medllm.submit.standing")  # a function hides the module
RUN = "world/base/9be7e217"  # its science: base, tiny
QUEUE = (*BASE, "submit=true")


@pytest.fixture
def places(tmp_path):
    return Places(tmp_path)


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    fake = FakeSlurm(tmp_path / "slurm")
    monkeypatch.setenv("PATH", str(fake.folder), prepend=":")
    return fake


def refusal(places, capsys, *words):
    capsys.readouterr()
    assert places.medllm(*words) == 2
    return capsys.readouterr().err


@pytest.mark.slow
def test_without_the_word_the_lines_and_the_price_are_shown_and_nothing_is_done(
    places, slurm, capsys, tmp_path
):
    """2 nodes with a process each for at most an hour."""
    assert places.medllm(*BASE) == 0
    first, second, price = capsys.readouterr().out.splitlines()
    assert first.startswith(f"sbatch --parsable '--job-name=prepare {RUN}' '--comment=medllm ")
    assert "' --nodes=1 --ntasks=1 " in first
    assert first.endswith(f"python -m medllm.job prepare {places.runs}/{RUN}")
    assert f"'--job-name=train {RUN}' '--comment=medllm " in second
    assert "' --nodes=2 --ntasks=2 " in second
    assert "--dependency=afterok:PREPARE" in second
    assert "≤ 2 process-hours" in price
    assert price.endswith("nothing was queued: add submit=true")
    assert [file for file in places.runs.rglob("*") if file.is_file()] == []
    assert slurm.jobs == {}


def test_a_run_is_frozen_and_queued_after_its_rows(places, slurm, capsys):
    assert places.medllm(*QUEUE) == 0
    assert slurm.waits() == {f"prepare {RUN}": None, f"train {RUN}": "afterok:1"}
    run_dir = places.runs / RUN
    assert capsys.readouterr().out == f"{run_dir}: job 2\n"
    assert OmegaConf.load(run_dir / "config.yaml").run_id == RUN
    assert OmegaConf.load(run_dir / "contamination.yaml") == {}
    job = json.loads((run_dir / "job.json").read_text())
    assert (job["id"], job["after"]) == ("2", ["1"])
    assert job["line"][1:] == slurm.jobs["2"]
    assert (run_dir / "code/slurm/train.sh").is_file()


def test_a_queued_run_is_not_queued_again_and_its_config_stays(places, slurm, capsys):
    assert places.medllm(*QUEUE) == 0
    assert places.medllm(*BASE) == 0
    assert f"{places.runs / RUN}: queued as job 2; nothing to queue" in capsys.readouterr().out
    frozen = (places.runs / RUN / "config.yaml").read_bytes()
    assert places.medllm(*QUEUE, "hardware.nodes=1") == 0
    assert len(slurm.jobs) == 2
    assert "job 2, which was queued before" in capsys.readouterr().out
    assert (places.runs / RUN / "config.yaml").read_bytes() == frozen


@pytest.mark.parametrize("state", ["FAILED", "COMPLETED", None])
def test_a_run_whose_job_ended_without_it_is_queued_again(places, slurm, state):
    assert places.medllm(*QUEUE) == 0
    slurm.say({"1": state, "2": state})
    assert places.medllm(*QUEUE) == 0
    assert slurm.names() == {
        "1": f"prepare {RUN}", "2": f"train {RUN}", "3": f"prepare {RUN}", "4": f"train {RUN}"
    }  # fmt: skip


def test_a_run_that_is_done_is_not_queued(places, slurm, capsys):
    assert places.medllm(*QUEUE) == 0
    (places.runs / RUN / "done.json").write_text("{}")
    capsys.readouterr()
    assert places.medllm(*QUEUE) == 0
    assert len(slurm.jobs) == 2
    assert capsys.readouterr().out == f"{places.runs / RUN}: done\n"


def test_the_job_that_prepares_makes_the_rows_of_the_frozen_run(places, slurm):
    """And with them there, no second job is queued to make them."""
    from medllm import job

    assert places.medllm(*QUEUE) == 0
    run_dir = places.runs / RUN
    assert job.main(["prepare", str(run_dir)]) == 0
    stores = json.loads((run_dir / "stores.json").read_text())
    assert sorted(stores) == ["chat", "cloze", "exam", "general"]
    assert json.loads((run_dir / "contamination.json").read_text())
    slurm.say({"1": "COMPLETED", "2": "FAILED"})
    assert places.medllm(*QUEUE) == 0
    assert slurm.names()["3"] == f"train {RUN}"
    (places.corpora / "world/seed0-10-diseases-2-renderings/general.jsonl").write_text("{}")
    slurm.say({"1": "COMPLETED", "2": "FAILED", "3": "FAILED"})
    assert places.medllm(*QUEUE) == 0
    assert slurm.names()["4"] == f"prepare {RUN}"  # the raw files are others now


def test_a_run_waits_for_the_one_it_starts_from(places, slurm, capsys):
    cpt = ("train", "experiments=world/cpt", "world=tiny", "hardware=slurm2", f"previous={RUN}")
    assert f"previous={RUN} is neither trained nor queued" in refusal(places, capsys, *cpt)
    assert places.medllm(*QUEUE) == 0
    assert places.medllm(*cpt, "submit=true") == 0
    waits = list(slurm.waits().values())
    assert waits == [None, "afterok:1", "afterok:2", "afterok:2:3"]
    (places.runs / RUN / "done.json").write_text("{}")
    slurm.say({"3": "FAILED", "4": "FAILED"})
    assert places.medllm(*cpt, "submit=true") == 0
    assert list(slurm.waits().values())[-2:] == [None, "afterok:5"]


def test_a_queued_run_is_not_trained_here(places, slurm, capsys):
    assert places.medllm(*QUEUE) == 0
    here = ("train", "experiments=world/base", "world=tiny")
    said = refusal(places, capsys, *here)
    assert said == (
        f"medllm: {RUN} is queued as job 2; wait for it, or cancel it first: scancel 2\n"
    )


def test_a_run_that_a_process_trains_is_not_queued(places, slurm, capsys):
    from medllm import lock

    with lock.held(places.runs / RUN / ".lock", waiting=""):
        assert f"{RUN} is being trained by a process" in refusal(places, capsys, *QUEUE)
    assert slurm.jobs == {}


def test_a_queued_run_where_slurm_cannot_be_asked_is_left_alone(places, slurm, capsys, monkeypatch):
    assert places.medllm(*QUEUE) == 0
    monkeypatch.setenv("PATH", "/nowhere")
    said = refusal(places, capsys, "train", "experiments=world/base", "world=tiny")
    assert "job.json names job 2, and whether it is still queued cannot be asked here" in said


def test_submit_is_refused_for_hardware_that_starts_runs_here(places, capsys):
    words = ("experiments=world/base", "world=tiny", "submit=true")
    said = refusal(places, capsys, "train", *words)
    assert "submit=true, but hardware.launcher=local starts runs here and now" in said


def test_every_point_of_a_sweep_is_a_job(places, slurm, capsys):
    assert places.medllm(*QUEUE, "-m", "seed=1,2,3") == 0
    trained = [name for name in slurm.names().values() if name.startswith("train")]
    assert len(trained) == len(set(trained)) == len(places.folders("world/base")) == 3


def test_a_large_sweep_is_queued_only_by_name(places, slurm, capsys):
    sweep = (*QUEUE, "sweep_limit=2", "-m", "seed=1,2,3")
    said = refusal(places, capsys, *sweep)
    assert "may train 3 runs, more than sweep_limit=2" in said
    assert "add confirm=world/base" in said
    assert slurm.jobs == {}
    assert places.medllm(*sweep, "confirm=world/base") == 0
    assert len(slurm.jobs) == 6


def test_what_the_cluster_refuses_is_told_and_can_be_queued_after(places, slurm, capsys):
    assert "nodes=3" in refusal(places, capsys, *QUEUE, "hardware.nodes=3", "stage.global_batch=30")
    assert slurm.jobs == {}
    assert places.medllm(*QUEUE) == 0
    assert len(slurm.jobs) == 2


def test_two_shells_at_the_same_moment_queue_a_run_once(places, slurm):
    paths = [f"paths.{name}={getattr(places, name)}" for name in ("corpora", "stores", "runs")]
    command = [sys.executable, "-m", "medllm.cli", *QUEUE, *paths]
    shells = [
        subprocess.Popen(command, cwd=config.REPO, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [shell.communicate()[0] for shell in shells]
    assert [shell.returncode for shell in shells] == [0, 0]
    told = sorted(words.splitlines()[-1] for words in said)  # before it may stand who waited
    assert told[0] == f"{places.runs / RUN}: job 2"
    assert told[1] == f"{places.runs / RUN}: job 2, which was queued before"
    assert len(slurm.jobs) == 2


def test_one_device_of_a_node_is_asked_for_to_score_a_run():
    words = ["experiments=world/base", "hardware=gpu1", "+hardware/slurm=default",
             "hardware.launcher=slurm", "hardware.nodes=4", "hardware.devices=8"]  # fmt: skip
    hardware = config.instantiate(config.compose("train", words).hardware)
    for gres, one in {"gpu:a100:8": "gpu:a100:1", "gpu:8(S:0-1)": "gpu:1(S:0-1)",
                      "gpu": "gpu", None: None}.items():  # fmt: skip
        object.__setattr__(hardware.slurm, "gres", gres)
        less = one_device(hardware)
        assert less.slurm is not None
        assert (less.nodes, less.devices, less.slurm.gres) == (1, 1, one)


def test_a_run_is_queued_again_as_it_was_frozen(places, slurm):
    from medllm import submit

    assert places.medllm(*QUEUE) == 0
    queue = submit.Queue(runs=places.runs)
    assert submit.resubmit(places.runs / RUN, queue=queue) == "2"
    slurm.say({"2": "FAILED"})
    assert submit.resubmit(places.runs / RUN, queue=queue) == "3"
    assert flag(slurm.jobs["3"], "dependency") == "afterok:1"  # which still makes its rows


def test_a_job_that_nobody_wrote_down_is_found_and_waited_for(places, slurm, capsys):
    """A kill between sbatch and job.json; another folder of runs may have the same run."""
    assert places.medllm(*QUEUE) == 0
    (places.runs / RUN / "job.json").unlink()
    capsys.readouterr()
    assert places.medllm(*QUEUE) == 0
    assert "job 2, which was queued before" in capsys.readouterr().out
    assert json.loads((places.runs / RUN / "job.json").read_text())["id"] == "2"
    elsewhere = places.runs.with_name("elsewhere")
    shutil.copytree(places.runs / RUN, elsewhere / RUN, symlinks=True)
    (elsewhere / RUN / "job.json").unlink()
    (elsewhere / RUN / "jobs/prepare.json").unlink()
    places.runs = elsewhere
    assert places.medllm(*QUEUE) == 0
    assert len(slurm.jobs) == 4


def record(folder, after):
    line = ["sbatch", "--dependency=afterok:1"]
    said = {"id": "2", "name": "train a", "line": line, "time": "", "after": after}
    (folder / "job.json").write_text(json.dumps(said))
    return folder / "job.json"


def test_a_job_that_waits_for_one_that_failed_is_not_waited_for(slurm, tmp_path):
    """Slurm cancels it, but not in the moment that the other fails."""
    file = record(tmp_path, ["1"])
    for name in ("prepare a", "train a"):
        subprocess.run(["sbatch", f"--job-name={name}"], check=True)
    slurm.say({"2": "PENDING Dependency"})
    assert standing.live(file) == ("2", "PENDING")
    slurm.say({"1": "FAILED", "2": "PENDING Dependency"})
    assert standing.live(file) is None
    standing.end_doomed(file)
    assert json.loads((slurm.folder / "states.json").read_text())["2"] == "CANCELLED"


def test_a_number_that_another_job_has_now_is_not_known(slurm, tmp_path):
    file = record(tmp_path, [])
    for name in ("x", "x"):
        subprocess.run(["sbatch", f"--job-name={name}"], check=True)
    assert standing.live(file) is None


def test_a_job_that_is_ending_is_waited_for(slurm, tmp_path, monkeypatch):
    file = record(tmp_path, [])
    for name in ("x", "train a"):
        subprocess.run(["sbatch", f"--job-name={name}"], check=True)
    slurm.say({"2": "COMPLETING"})
    monkeypatch.setattr(standing.time, "sleep", lambda _: slurm.say({"2": "FAILED"}))
    assert standing.live(file) is None
    slurm.say({"2": "COMPLETING"})
    monkeypatch.setattr(standing.time, "sleep", lambda _: None)
    with pytest.raises(UserError, match="job 2 is ending; start this again when it has ended"):
        standing.live(file)


def test_other_rows_than_the_checkpoints_have_seen_are_refused(tmp_path):
    from medllm.submit import refuse_other_rows

    run_dir = tmp_path / "run"
    run_dir.mkdir()
    (run_dir / "stores.json").write_text('{"books": "/a/rows/books-1", "chat": "/a/rows/chat-1"}')
    moved = {"books": "/b/rows/books-1", "chat": "/b/rows/chat-1"}
    other = {"books": "/a/rows/books-2", "chat": "/a/rows/chat-1"}
    refuse_other_rows(other, run_dir)  # nothing was trained yet
    (run_dir / "checkpoints/step-00000002").mkdir(parents=True)
    refuse_other_rows(moved, run_dir)
    with pytest.raises(UserError, match="  - books: books-1 before, books-2 now\n"):
        refuse_other_rows(other, run_dir)


def test_a_job_says_what_is_wrong_and_ends_with_2(places, slurm, capsys):
    from medllm import job

    assert places.medllm(*QUEUE) == 0
    shutil.rmtree(places.corpora, ignore_errors=True)
    frozen = places.runs / RUN / "config.yaml"
    cfg = OmegaConf.load(frozen)
    cfg.world = None
    OmegaConf.save(cfg, frozen)
    assert job.main(["prepare", str(places.runs / RUN)]) == 2
    assert "medllm: " in capsys.readouterr().err
