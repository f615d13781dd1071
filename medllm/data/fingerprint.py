"""Whether files are still those that something was made of."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path


def fingerprints(files: Sequence[Path]) -> dict[str, dict[str, object]]:
    """Size, time of change and digest of every file."""
    return {
        str(file): {
            "size": file.stat().st_size,
            "changed": file.stat().st_mtime_ns,
            "sha256": _sha256(file),
        }
        for file in files
    }


def changed(known: Mapping[str, Mapping], files: Sequence[Path]) -> str:
    """What is not as it was, or "" if all is."""
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
