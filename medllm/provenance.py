"""How a run came about: `run_dir/provenance.json`, one entry per attempt.

The config says what was asked; this says of which code, which data, on which machine. A tree
with uncommitted changes is saved whole beside it, as provenance-<attempt>.diff.
"""

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parent.parent
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"  # git's name for a tree without files
# wandb.key=..., --hub-token=..., but not model.tokenizer=...
SECRET = re.compile(r"(?<![a-z])(api)?(key|token|password|secret)(?![a-z])", re.IGNORECASE)


def record(run_dir: Path, *, data: Mapping[str, Any], argv: Sequence[str] | None = None) -> Path:
    """Append this attempt to `run_dir/provenance.json`; call it on rank 0 only.

    Args:
        data: what the run reads, e.g. source name to the manifest of its store.
        argv: the command line; that of this process if not given.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    file = run_dir / "provenance.json"
    attempts = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    commit, diff = code(REPO)
    saved = f"provenance-{len(attempts) + 1}.diff" if diff else None
    if saved:
        (run_dir / saved).write_text(diff, encoding="utf-8", errors="surrogateescape")
    attempts.append(
        {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": commit,
            "diff": saved,
            "argv": masked(sys.argv if argv is None else argv),
            "data": dict(data),
            "host": platform.node(),
            "system": platform.platform(),
            "python": platform.python_version(),
            "versions": versions(REPO / "pyproject.toml"),
        }
    )
    beside = file.with_suffix(".json.new")
    beside.write_text(json.dumps(attempts, indent=1, ensure_ascii=False), encoding="utf-8")
    beside.replace(file)
    return file


def masked(argv: Sequence[str]) -> list[str]:
    """`argv` with the value of every `key=value` whose key speaks of a secret as ***."""
    pairs = [word.partition("=") for word in argv]
    return [
        f"{key}=***" if equals and SECRET.search(key) else key + equals + value
        for key, equals, value in pairs
    ]


def code(repo: Path) -> tuple[str | None, str]:
    """The last commit of the code in `repo`, and what stands there beyond it.

    A snapshot is no checkout: what it was taken of is written beside it (`medllm.launch.snapshot`).
    """
    snapshot = repo / "snapshot.json"
    if snapshot.is_file():
        taken = json.loads(snapshot.read_text(encoding="utf-8"))
        return taken["commit"], taken["diff"]
    return head(repo), changes(repo)


def head(repo: Path) -> str | None:
    """The last commit, or None where there is none."""
    return (git(repo, "rev-parse", "--verify", "HEAD") or "").strip() or None


def changes(repo: Path) -> str:
    """What the working tree adds to the last commit, new files included; "" if nothing."""
    with tempfile.TemporaryDirectory() as folder:
        # An index of our own: `git add` must not touch what the user has staged.
        own = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        base = head(repo) or EMPTY_TREE
        git(repo, "read-tree", base, **own)
        git(repo, "add", "--all", **own)
        return git(repo, "diff", "--cached", "--binary", base, **own) or ""


def git(repo: Path, *words: str, **environment: str) -> str | None:
    """What git says, or None where it has nothing to say: no git, no checkout, no commit."""
    try:
        done = subprocess.run(
            ["git", "-C", str(repo), *words],
            env={**os.environ, **environment},
            capture_output=True,
            check=True,
        )
    except (FileNotFoundError, subprocess.CalledProcessError):
        return None
    # Whatever bytes a file has, and to its last line end: a diff must apply.
    return done.stdout.decode(errors="surrogateescape")


def versions(pyproject: Path) -> dict[str, str | None]:
    """Installed version of every package that the project depends on; None where absent."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    names = [re.split(r"[^A-Za-z0-9_.-]", line)[0] for line in project["dependencies"]]
    return {name: installed(name) for name in names}


def installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
