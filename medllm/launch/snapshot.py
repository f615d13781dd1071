"""The code as it is now, for jobs that start later: `<runs>/.code/<digest of its content>`.

A job that waits in a queue, or is queued again in a week, does not see what is edited meanwhile.
Two submissions of the same code share one folder.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from medllm import lock, provenance

WHOLE = ("medllm", "conf", "slurm")
FILES = ("pyproject.toml",)  # names the packages whose versions a run records


def place(runs: Path, *, repo: Path = provenance.REPO) -> Path:
    """Where `snapshot` puts the code; makes nothing."""
    return runs / ".code" / _digest(repo)


def snapshot(runs: Path, *, repo: Path = provenance.REPO) -> Path:
    """Copy the code of `repo` below `runs`, unless it is there; the folder of the copy.

    It holds medllm, conf, slurm, the YAML of experiments, and snapshot.json: the commit, and what
    stood there beyond it.
    """
    folder = place(runs, repo=repo)
    waiting = f"another process copies the code to {folder}; waiting for it"
    with lock.held(folder.parent / ".lock", waiting=waiting):
        return folder if folder.exists() else _copied(repo, folder.parent)


def link(run_dir: Path, code: Path) -> None:
    """Let `run_dir/code` point to the snapshot `code`, instead of to an earlier one."""
    beside = run_dir / f".code.{os.getpid()}"
    beside.unlink(missing_ok=True)
    beside.symlink_to(os.path.relpath(code, run_dir))
    beside.replace(run_dir / "code")


def _digest(repo: Path) -> str:
    content = hashlib.sha256()
    for file in _files(repo):
        content.update(f"{file.relative_to(repo)}\0{file.stat().st_size}\0".encode())
        content.update(file.read_bytes())
    return content.hexdigest()[:8]


def _copied(repo: Path, codes: Path) -> Path:
    """All or nothing: what a kill leaves behind has a name of its own."""
    begun = Path(tempfile.mkdtemp(prefix=".begun-", dir=codes))
    for file in _files(repo):
        copy = begun / file.relative_to(repo)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, copy)
    commit, diff = provenance.code(repo)
    taken = json.dumps({"commit": commit, "diff": diff}, ensure_ascii=False)
    (begun / "snapshot.json").write_text(taken, encoding="utf-8")
    begun.chmod(0o755)  # mkdtemp lets nobody else in
    folder = codes / _digest(begun)  # of the copy: somebody may have edited a file meanwhile
    if folder.exists():
        shutil.rmtree(begun)
    else:
        begun.rename(folder)
    return folder


def _files(repo: Path) -> Iterator[Path]:
    """Of the code, in a fixed order; no caches, no results, no notes."""
    for name in WHOLE:
        yield from (f for f in sorted((repo / name).rglob("*")) if f.is_file() and _is_code(f))
    yield from sorted((repo / "experiments").rglob("*.yaml"))
    yield from (repo / name for name in FILES)


def _is_code(file: Path) -> bool:
    return "__pycache__" not in file.parts
