"""A source as rows on disk, read through memory maps.

    <stores>/<name>-<digest>/
        ids.bin targets.bin positions.bin    int32, entries end to end
        offsets.npy                          (N + 1,) int64, where each entry starts
        learnt.npy                           (N,) int64, targets of each entry that are learnt
        quarantine.jsonl                     what was left out, and why
        manifest.json                        what it was made of; written last

A pair takes two entries, 2i chosen and 2i + 1 rejected. A store that is half written, of
another version or older than its files is never read: `medllm.data.build` makes it anew.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from medllm.data.pack import Row

VERSION = 1  # raise it when the same files would be stored differently
ARRAYS = ("ids.bin", "targets.bin", "positions.bin", "offsets.npy", "learnt.npy")


class Store:
    """The entries of one source.

    lengths: (N,) int64, tokens of each entry.
    learnt: (N,) int64, targets of each entry that are not IGNORE.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = json.loads((folder / "manifest.json").read_text())
        self.is_pairs: bool = self.manifest["pairs"]
        self._offsets = np.load(folder / "offsets.npy")
        self.lengths = np.diff(self._offsets)
        self.learnt = np.load(folder / "learnt.npy")
        self._arrays = Row(*(np.memmap(folder / f, np.int32, mode="r") for f in ARRAYS[:3]))

    def __len__(self) -> int:
        """Rows, or pairs."""
        return len(self.lengths) // 2 if self.is_pairs else len(self.lengths)

    def entry(self, number: int) -> Row:
        """ids, targets and positions of one entry."""
        where = slice(self._offsets[number], self._offsets[number + 1])
        return Row(*(array[where] for array in self._arrays))


def fault(folder: Path, files: list[Path]) -> str:
    """Why the store may not be used, or "" if it may.

    Args:
        folder: of the store.
        files: those its source has now.
    """
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return "it has no complete manifest"
    if manifest["version"] != VERSION:
        return f"it is of version {manifest['version']}, this is {VERSION}"
    for name, size in manifest["bytes"].items():
        at = folder / name
        if not at.exists() or at.stat().st_size != size:
            return f"{name} does not have its {size:,} bytes"
    return _changed(manifest["files"], files)


def fingerprints(files: list[Path]) -> dict[str, dict[str, object]]:
    """Size, time of change and digest of every file."""
    return {
        str(file): {
            "size": file.stat().st_size,
            "changed": file.stat().st_mtime_ns,
            "sha256": _sha256(file),
        }
        for file in files
    }


def _changed(known: Mapping[str, dict], files: list[Path]) -> str:
    if known.keys() != {str(file) for file in files}:
        return f"it was made of {len(known)} files, and other ones are there now"
    for file in files:
        then, now = known[str(file)], file.stat()
        if then["size"] == now.st_size and then["changed"] == now.st_mtime_ns:
            continue
        # A copy or a checkout has a new time but the same content, which is as good.
        if then["size"] != now.st_size or then["sha256"] != _sha256(file):
            return f"{file} has changed since"
    return ""


def _sha256(file: Path) -> str:
    with open(file, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
