import json
import subprocess

from medllm import provenance


def test_every_attempt_adds_an_entry(tmp_path):
    argv = ["medllm", "train", "seed=1"]
    provenance.record(tmp_path, data={"books": "1a2b3c4d"}, argv=argv)
    file = provenance.record(tmp_path, data={"books": "1a2b3c4d"}, argv=argv)
    attempts = json.loads(file.read_text())
    assert len(attempts) == 2
    assert attempts[0]["argv"] == argv
    assert attempts[0]["data"] == {"books": "1a2b3c4d"}
    assert attempts[0]["versions"]["torch"].startswith("2.13")
    assert {"time", "commit", "diff", "host", "python"} <= attempts[0].keys()


def test_secrets_are_masked_and_other_words_are_not():
    argv = ["train", "wandb.api_key=abc", "--hub-token=abc", "model.tokenizer=b", "tokens=3", "-m"]
    assert provenance.masked(argv) == [
        "train",
        "wandb.api_key=***",
        "--hub-token=***",
        "model.tokenizer=b",
        "tokens=3",
        "-m",
    ]


def repository(folder):
    def git(*words):
        subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True)

    git("init", "-q")
    git("config", "user.email", "a@b.c")
    git("config", "user.name", "a")
    return git


def test_the_diff_holds_changed_and_new_files_and_leaves_the_index_alone(tmp_path):
    git = repository(tmp_path)
    (tmp_path / "old.py").write_text("before\n")
    git("add", "-A")
    git("commit", "-qm", "x")
    assert provenance.changes(tmp_path) == ""
    (tmp_path / "old.py").write_text("after\n")
    (tmp_path / "new.py").write_text("fresh\n")
    diff = provenance.changes(tmp_path)
    assert "-before\n+after" in diff
    assert "+fresh" in diff
    assert provenance.git(tmp_path, "diff", "--cached") == ""


def test_the_recorded_diff_makes_the_tree_again(tmp_path):
    """Blank lines at the end of a file, bytes that are no UTF-8, and no text at all."""
    repo = tmp_path / "repo"
    repo.mkdir()
    git = repository(repo)
    (repo / "old.py").write_text("before\n")
    git("add", "-A")
    git("commit", "-qm", "x")
    files = {"old.py": b"after\n\n\n", "gb.txt": "患者\n".encode("gb18030"), "x.bin": b"\0\1\n"}
    for name, content in files.items():
        (repo / name).write_bytes(content)
    patch = tmp_path / "x.diff"
    patch.write_text(provenance.changes(repo), encoding="utf-8", errors="surrogateescape")
    git("clean", "-qfd")
    git("checkout", "-q", ".")
    git("apply", str(patch))
    assert {name: (repo / name).read_bytes() for name in files} == files


def test_a_checkout_without_a_commit_is_all_diff(tmp_path):
    repository(tmp_path)
    (tmp_path / "new.py").write_text("fresh\n")
    assert "+fresh" in provenance.changes(tmp_path)


def test_a_folder_without_git_has_no_diff(tmp_path):
    assert provenance.changes(tmp_path) == ""
    assert provenance.git(tmp_path, "rev-parse", "HEAD") is None
