"""The command line from within one process, in folders of a test's own."""

import logging
import sys
from pathlib import Path

from medllm import cli


class Places:
    """Corpora, stores and runs below one folder, and the verbs that use them."""

    def __init__(self, folder: Path) -> None:
        self.corpora, self.stores, self.runs = (folder / p for p in ("corpora", "stores", "runs"))

    def medllm(self, verb: str, *words: str) -> int | str | None:
        """The exit status of `medllm verb words`; what it says is for capsys."""
        known = {"evaluate": ("corpora", "runs"), "report": ("runs",)}
        kept = known.get(verb, ("corpora", "stores", "runs"))
        places = [f"paths.{name}={getattr(self, name)}" for name in kept]
        root, argv = logging.getLogger(), sys.argv
        handlers, level = root.handlers[:], root.level
        try:
            cli.main([verb, *words, *places])
        except SystemExit as end:
            return end.code
        finally:  # Hydra points the root logger at the stdout of this very test
            root.handlers[:], root.level, sys.argv = handlers, level, argv
        return 0

    def folders(self, name: str) -> list[Path]:
        """The run folders of one name, e.g. world/base."""
        return sorted(file.parent for file in (self.runs / name).glob("*/config.yaml"))


def times(folder: Path) -> dict[Path, int]:
    """When each file below `folder` was last written, in nanoseconds."""
    return {file: file.stat().st_mtime_ns for file in folder.rglob("*") if file.is_file()}
