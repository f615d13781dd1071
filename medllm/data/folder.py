"""A folder that is either whole or not there, whatever kills the process that makes it.

    .<name>.v2.work    being filled; found again after a kill and gone on with
    <name>             its new name, given when everything is in it, manifest.json last

Whoever comes second waits for the first. The lock is the kernel's, so a killed process holds
none.
"""

import errno
import json
import logging
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from medllm.errors import UserError
from medllm.lock import held

log = logging.getLogger(__name__)


def made(
    at: Path,
    *,
    version: int,
    make: Callable[[Path], Mapping[str, Any]],
    stale: Callable[[Mapping[str, Any]], str] = lambda manifest: "",
) -> dict[str, Any]:
    """The manifest of the folder `at`, which `make` fills where there is no good one.

    Args:
        version: of the layout; a folder of another is made anew.
        make: fills the folder it is given, which holds what an earlier attempt left, and
            returns what the manifest says.
        stale: why a whole folder may not be used all the same, told by its manifest.

    Raises:
        UserError: no space is left; what was finished is kept for the next attempt.
    """

    def wrong() -> str:
        return fault(at, version) or stale(manifest(at))

    if not wrong():
        return manifest(at)
    with only_one(at):
        if not (why := wrong()):  # another process was faster
            return manifest(at)
        if at.exists():
            log.warning("making %s anew: %s", at, why)
            shutil.rmtree(at)
        work = begun(at, version)
        with told_when_full(work):
            _fill(work, version, make)
        work.rename(at)
        return manifest(at)


def begun(at: Path, version: int) -> Path:
    """The folder in which `at` is being made; work of another version is not gone on with."""
    work = at.with_name(f".{at.name}.v{version}.work")
    work.mkdir(parents=True, exist_ok=True)
    return work


def manifest(at: Path) -> dict[str, Any]:
    return json.loads((at / "manifest.json").read_text(encoding="utf-8"))


def fault(at: Path, version: int) -> str:
    """Why the folder may not be used, or "" if it may."""
    if not at.exists():
        return "it is not there"
    try:
        said = manifest(at)
    except (FileNotFoundError, json.JSONDecodeError):
        return "it has no complete manifest"
    if said["version"] != version:
        return f"it is of version {said['version']}, this is {version}"
    for name, size in said["bytes"].items():
        file = at / name
        if not file.exists() or file.stat().st_size != size:
            return f"{name} does not have its {size:,} bytes"
    return ""


def only_one(at: Path) -> AbstractContextManager[None]:
    """Hold the folder `at` for one process at a time."""
    waiting = f"another process is making {at}; waiting for it"
    return held(at.parent / ".locks" / at.name, waiting=waiting)


@contextmanager
def told_when_full(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UserError(
            f"no space left on the disk of {folder}; what is finished stays there: free some "
            "space and start again, or change paths.stores"
        ) from error


def _fill(work: Path, version: int, make: Callable[[Path], Mapping[str, Any]]) -> None:
    said = make(work)
    for left in ("manifest.json", ".manifest.json.new"):  # of a kill just before the new name
        (work / left).unlink(missing_ok=True)
    files = sorted(file for file in work.rglob("*") if file.is_file())
    sizes = {str(file.relative_to(work)): file.stat().st_size for file in files}
    whole = {"version": version, **said, "bytes": sizes}
    write(work / "manifest.json", json.dumps(whole, indent=1, ensure_ascii=False))


def write(file: Path, text: str) -> None:
    """`file` with all of `text`, or as it was."""
    beside = file.with_name(f".{file.name}.new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(file)
