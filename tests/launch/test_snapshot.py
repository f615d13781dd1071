"""The code that queued jobs run on."""

import json
import os
import subprocess
import sys

import pytest

from medllm import provenance
from medllm.launch.snapshot import link, place, snapshot


@pytest.fixture
def repo(tmp_path):
    """A small checkout with one commit, and a change beyond it."""
    repo = tmp_path / "repo"
    files = {
        "medllm/__init__.py": "",
        "medllm/run.py": "print('before')\n",
        "medllm/report/page.css": "p {}\n",
        "medllm/__pycache__/run.pyc": "old\n",
        "conf/train.yaml": "a: 1\n",
        "slurm/train.sh": "#!/bin/bash\n",
        "experiments/world/cpt.yaml": "b: 1\n",
        "experiments/world/README.md": "results\n",
        "tests/test_x.py": "\n",
        "pyproject.toml": "[project]\n",
        ".gitignore": "__pycache__\n",
    }
    for name, text in files.items():
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_text(text)
    who = ["-c", "user.email=a@b.c", "-c", "user.name=a"]
    for words in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "x"]):
        subprocess.run(["git", "-C", repo, *words], check=True)
    (repo / "conf/train.yaml").write_text("a: 2\n")
    return repo


def test_a_snapshot_holds_code_and_config_and_nothing_else(tmp_path, repo):
    code = snapshot(tmp_path / "runs", repo=repo)
    assert code.parent == tmp_path / "runs/.code"
    assert sorted(str(f.relative_to(code)) for f in code.rglob("*") if f.is_file()) == [
        "conf/train.yaml",
        "experiments/world/cpt.yaml",
        "medllm/__init__.py",
        "medllm/report/page.css",
        "medllm/run.py",
        "pyproject.toml",
        "slurm/train.sh",
        "snapshot.json",
    ]


def test_a_snapshot_says_of_which_commit_it_is_and_what_stood_beyond_it(tmp_path, repo):
    code = snapshot(tmp_path / "runs", repo=repo)
    taken = json.loads((code / "snapshot.json").read_text())
    assert taken["commit"] == provenance.head(repo)
    assert "-a: 1\n+a: 2" in taken["diff"]
    assert provenance.code(code) == (taken["commit"], taken["diff"])


def test_the_same_code_is_copied_once(tmp_path, repo):
    code = snapshot(tmp_path, repo=repo)
    assert place(tmp_path, repo=repo) == code
    before = code.stat().st_mtime_ns
    assert snapshot(tmp_path, repo=repo) == code
    assert code.stat().st_mtime_ns == before
    assert [f.name for f in (tmp_path / ".code").iterdir()] == [".lock", code.name]


def test_a_snapshot_is_named_by_what_was_copied(tmp_path, repo, monkeypatch):
    """Somebody may edit a file between the look at it and its copy."""
    import shutil

    copy = shutil.copy2

    def edited(file, to):
        if file.name == "run.py":
            file.write_text("print('edited')\n")
        return copy(file, to)

    before = place(tmp_path, repo=repo)
    monkeypatch.setattr(shutil, "copy2", edited)
    code = snapshot(tmp_path, repo=repo)
    assert code != before
    assert code == place(tmp_path, repo=repo) == place(tmp_path, repo=code)


def test_a_snapshot_of_a_snapshot_is_itself(tmp_path, repo):
    """A job that queues others does so with the code it runs on."""
    code = snapshot(tmp_path, repo=repo)
    (code / "medllm/__pycache__").mkdir()
    (code / "medllm/__pycache__/run.pyc").write_text("made by running it")
    assert snapshot(tmp_path, repo=code) == code


def test_a_snapshot_does_not_see_later_edits(tmp_path, repo):
    """Also where the job starts in the folder that was edited, and medllm is installed."""
    code = snapshot(tmp_path, repo=repo)
    (repo / "medllm/run.py").write_text("print('after')\n")
    environment = {
        "PATH": os.environ["PATH"],
        "SLURM_JOB_ID": "7",
        "SLURM_JOB_NODELIST": "sn1",
        "PYTHONPATH": str(repo),
    }
    body = provenance.REPO / "slurm/cpu.sh"
    words = [body, code, "", sys.executable, "-m", "medllm.run"]
    said = subprocess.run(
        words, cwd=repo, env=environment, capture_output=True, text=True, check=True
    )
    assert said.stdout.splitlines()[1] == "before"
    assert snapshot(tmp_path, repo=repo) != code


def test_places_make_nothing(tmp_path, repo):
    assert not place(tmp_path / "runs", repo=repo).exists()
    assert not (tmp_path / "runs").exists()


def test_a_run_points_to_the_code_it_was_last_queued_with(tmp_path):
    run_dir = tmp_path / "world/cpt/1a2b3c4d"
    run_dir.mkdir(parents=True)
    for digest in ("11111111", "22222222"):
        (tmp_path / ".code" / digest).mkdir(parents=True)
        link(run_dir, tmp_path / ".code" / digest)
    assert os.readlink(run_dir / "code") == "../../../.code/22222222"
    assert (run_dir / "code").resolve() == tmp_path / ".code/22222222"
    assert [f.name for f in run_dir.iterdir()] == ["code"]


def test_a_run_on_a_snapshot_records_its_commit_and_changes(tmp_path, repo, monkeypatch):
    (repo / "pyproject.toml").write_text('[project]\ndependencies = ["numpy"]\n')
    code = snapshot(tmp_path, repo=repo)
    monkeypatch.setattr(provenance, "REPO", code)
    (entry,) = json.loads(provenance.record(tmp_path / "run", data={}, argv=[]).read_text())
    assert entry["commit"] == provenance.head(repo)
    assert "+a: 2" in (tmp_path / "run" / entry["diff"]).read_text()
