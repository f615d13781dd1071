"""Whether a run's data are still those that it read: told by size, time and digest of raw files.

Nothing is tokenised. Files that are gone altogether, as on another machine, tell nothing.
"""

import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from medllm import config
from medllm.data.fingerprint import fingerprints
from medllm.data.source import files, hub
from medllm.errors import DataError, UserError
from medllm.submit.standing import record


def refuse_other_data(cfg: DictConfig, run_dir: Path) -> None:
    """Refuse a run for this one's that was trained, or begun, on files that are others now.

    Args:
        cfg: checked; `run_dir` is where its run lies.

    Raises:
        UserError: names every file, before and now.
    """
    is_done = (run_dir / "done.json").exists()
    if not is_done and not _is_begun(run_dir):
        return
    _renew_world(cfg)
    if found := differences(cfg, run_dir, trained_on(run_dir)):
        raise _refusal(
            f"{run_dir} was {'trained' if is_done else 'begun'} on other data than there are now",
            found,
            f"to train on these give it another name, e.g. name={cfg.name}_2, or remove {run_dir}; "
            "to keep it put the old files back",
        )


def refuse_other_rows(places: Mapping[str, str], run_dir: Path) -> None:
    """Refuse to go on with a run on other rows than its checkpoints have seen.

    Args:
        places: source to the folder of its rows, whose name is a digest of what they are.

    Raises:
        UserError: names every source, before and now.
    """
    if not _is_begun(run_dir):
        return
    before = {name: Path(at).name for name, at in (record(run_dir / "stores.json") or {}).items()}
    now = {name: Path(at).name for name, at in places.items()}
    if found := [
        f"{name}: {before.get(name, 'nothing')} before, {now.get(name, 'nothing')} now"
        for name in sorted(before.keys() | now.keys())
        if before and before.get(name) != now.get(name)
    ]:
        raise _refusal(
            f"{run_dir} has checkpoints of a run over other rows",
            found,
            f"to begin it anew remove {run_dir}; to go on put the old raw files back",
        )


def _refusal(what: str, found: list[str], cure: str) -> UserError:
    return UserError("\n".join([f"{what}:", *(f"  - {line}" for line in found), cure]))


def _is_begun(run_dir: Path) -> bool:
    return any((run_dir / "checkpoints").glob("step-*"))


def _renew_world(cfg: DictConfig) -> None:
    """Write the invented world again where other code has made it; one that is gone stays so."""
    if cfg.get("world") and Path(cfg.world.folder).exists():
        config.instantiate(cfg.world)


def differences(
    cfg: DictConfig, run_dir: Path, manifests: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """A line for every raw file that is not what the rows were made of.

    Args:
        manifests: source of the run to the manifest of its rows.
    """
    frozen = OmegaConf.load(run_dir / "config.yaml")
    then, now = str(frozen.paths.corpora), str(cfg.paths.corpora)
    return [
        f"{name}: {line}"
        for name, manifest in manifests.items()
        if name in cfg.data.sources
        for line in _compared(
            {_below(file, then): facts for file, facts in manifest.get("files", {}).items()},
            {_below(str(file), now): file for file in _there(cfg.data.sources[name].files)},
        )
    ]


def trained_on(run_dir: Path) -> dict[str, dict[str, Any]]:
    """Source to the manifest of the rows that the last attempt read; empty if none has."""
    attempts: Any = record(run_dir / "provenance.json")
    return attempts[-1]["data"] if attempts else {}


def prepared(run_dir: Path) -> dict[str, Mapping[str, Any]]:
    """Source to the manifest of the rows that were made for the run."""
    places = record(run_dir / "stores.json") or {}
    found = {name: record(Path(place) / "manifest.json") for name, place in places.items()}
    return {name: manifest for name, manifest in found.items() if manifest}


def _there(pattern: str) -> list[Path]:
    if hub.is_url(pattern):  # would be downloaded, and a commit does not change
        return []
    try:
        return files.paths(pattern)
    except DataError:
        return []


def _compared(then: Mapping[str, Mapping], now: Mapping[str, Path]) -> Iterator[str]:
    if not now:
        return
    for name in sorted(then.keys() | now.keys()):
        if name not in now:
            yield f"{name} ({then[name]['size']:,} bytes) is gone"
        elif name not in then:
            yield f"{name} ({now[name].stat().st_size:,} bytes) is new"
        else:
            yield from _changed(name, then[name], now[name])


def _changed(name: str, then: Mapping[str, Any], file: Path) -> Iterator[str]:
    facts = file.stat()
    if (then["size"], then["changed"]) == (facts.st_size, facts.st_mtime_ns):
        return
    digest = _digest(file, facts.st_mtime_ns)
    if digest != then["sha256"]:
        yield (
            f"{name} had {then['size']:,} bytes and sha256 {then['sha256'][:8]}, "
            f"now {facts.st_size:,} bytes and {digest[:8]}"
        )


@lru_cache(maxsize=1 << 12)
def _digest(file: Path, changed: int) -> str:
    """sha256; the points of a sweep ask for the same files."""
    return str(fingerprints([file])[str(file)]["sha256"])


def _below(file: str, corpora: str) -> str:
    """The name of a file that does not change when all corpora move."""
    is_below = Path(file).absolute().is_relative_to(Path(corpora).absolute())
    return os.path.relpath(file, corpora) if is_below else file
