"""Replies on disk, stored before anything is scored, so that scoring again needs no model.

One JSON line per reply: id, text, logps, and made_by, the signature of the scorer.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from medllm.errors import DataError
from medllm.types import Reply


def write(path: Path, replies: Iterable[Reply], *, made_by: str) -> None:
    """All replies or no file: a run that dies while writing leaves nothing to be scored."""
    lines = (json.dumps({**asdict(r), "made_by": made_by}, ensure_ascii=False) for r in replies)
    partial = path.with_suffix(".partial")
    partial.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    partial.replace(path)


def read(path: Path) -> tuple[list[Reply], str]:
    """The replies and the signature of what made them.

    Raises:
        DataError: no such file, nothing in it, or replies of two scorers.
    """
    if not path.is_file():
        raise DataError(f"no replies at {path}; run `medllm evaluate` first")
    # Not splitlines(): a reply may hold other line separators than "\n", which JSON keeps raw.
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    makers = sorted({row.pop("made_by") for row in rows})
    if len(makers) != 1:
        raise DataError(f"{path} must hold the replies of one scorer, not of {makers}; delete it")
    return [Reply(**row) for row in rows], makers[0]
