"""The checkpoints of a run on disk.

    checkpoints/.step-00000120.work/    being written
    checkpoints/step-00000120/          its new name, given when everything is in it
        trainer/                        weights that are trained, optimiser, schedule, counters
        rank-0.pt, rank-1.pt, ...       random states and running sums of each rank
        manifest.json                   step, layout, and size and hash of every file

A crash at any moment leaves the last good one. One that was damaged later is set aside, and the
one before is used.
"""

import json
import logging
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import xxhash

log = logging.getLogger(__name__)
BLOCK = 1 << 22  # bytes hashed at once


class Checkpoint(NamedTuple):
    """A whole checkpoint.

    step: optimiser steps behind it.
    processes: ranks that wrote it.
    """

    folder: Path
    step: int
    processes: int

    @property
    def state(self) -> Path:
        """What the strategy wrote."""
        return self.folder / "trainer"


def newest(folder: Path, *, sets_aside: bool) -> Checkpoint | None:
    """The newest checkpoint that is as it was written; damaged ones are passed over, and told.

    Args:
        sets_aside: whether to rename damaged ones; one process of a run may.
    """
    for at in sorted(folder.glob("step-*"), reverse=True):
        if not (why := damage(at)):
            said = json.loads((at / "manifest.json").read_text(encoding="utf-8"))
            return Checkpoint(at, said["step"], said["processes"])
        log.warning("%s is damaged (%s); going back to the one before", at, why)
        if sets_aside:
            aside = at.with_name(f"damaged-{at.name}")
            shutil.rmtree(aside, ignore_errors=True)
            at.rename(aside)
    return None


def damage(at: Path) -> str:
    """What is wrong with a checkpoint, or "" if nothing is."""
    try:
        said = json.loads((at / "manifest.json").read_text(encoding="utf-8"))
        for name, (size, digest) in said["files"].items():
            file = at / name
            if not file.is_file() or file.stat().st_size != size:
                return f"{name} does not have its {size:,} bytes"
            if hashed(file) != digest:
                return f"{name} is not what was written"
    except (OSError, json.JSONDecodeError) as error:
        return f"cannot be read: {error}"
    return ""


def work(folder: Path, step: int) -> Path:
    """Where the checkpoint of `step` is being written."""
    return folder / f".step-{step:08d}.work"


def begun(folder: Path, step: int) -> Path:
    """The same, made and empty."""
    at = work(folder, step)
    shutil.rmtree(at, ignore_errors=True)
    at.mkdir(parents=True)
    return at


def listed(written: Path, *, rank: int, world: int) -> dict[str, list[Any]]:
    """Size and hash of this rank's share of the files in `written`, flushed to the disk."""
    files = sorted(file for file in written.rglob("*") if file.is_file())
    found = {}
    for file in files[rank::world]:
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
        found[str(file.relative_to(written))] = [file.stat().st_size, hashed(file)]
    return found


def finish(
    written: Path, *, step: int, layout: Mapping[str, Any], files: Iterable[Mapping]
) -> Path:
    """Give the checkpoint its name; from here on it is whole.

    Args:
        layout: how the run was spread: processes, and what else a reader should know.
        files: what `listed` said on each rank.
    """
    whole = {name: facts for part in files for name, facts in part.items()}
    manifest = {"step": step, **layout, "files": whole}
    with (written / "manifest.json").open("w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    at = written.with_name(f"step-{step:08d}")
    shutil.rmtree(at, ignore_errors=True)
    written.rename(at)
    return at


def prune(folder: Path, *, keep: int) -> None:
    """Remove all but the newest `keep`, and what a crash left half written."""
    steps: Sequence[Path] = sorted(folder.glob("step-*"))
    for old in [*steps[:-keep], *folder.glob(".step-*.work"), *folder.glob("damaged-*")]:
        shutil.rmtree(old, ignore_errors=True)


def remove(folder: Path) -> None:
    """All of them: the run is done."""
    shutil.rmtree(folder, ignore_errors=True)


def hashed(file: Path) -> str:
    digest = xxhash.xxh3_128()
    with file.open("rb") as opened:
        while block := opened.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
