"""Which files a source's `files` names, and what each is called in the ids of its examples."""

import glob
import re
from functools import lru_cache
from pathlib import Path

from medllm.data.source import hub
from medllm.data.source.format.stream import stem
from medllm.errors import DataError

_WILD = re.compile(r"[*?[]")


def paths(pattern: str) -> list[Path]:
    """The files there are, in sorted order; those of the hub are downloaded.

    Raises:
        DataError: if there is none, or the hub gives none.
    """
    local = hub.downloaded(pattern) if hub.is_url(pattern) else pattern
    if Path(local).is_file():  # a name with [ or * in it is still a name
        return [Path(local)]
    found = [Path(name) for name in glob.glob(local, recursive=True)]
    if files := sorted(path for path in found if path.is_file()):
        return files
    if found:
        raise DataError(
            f"'{pattern}' is a folder; let the source's `files` name what is in it, "
            f"such as '{pattern}/*.jsonl'"
        )
    raise DataError(f"no file at '{pattern}'; change the source's `files`")


@lru_cache(maxsize=1 << 10)
def name(pattern: str, file: Path) -> str:
    """The path of `file` below the fixed part of `pattern`, unique among the pattern's files.

    Without its extension, if the pattern fixes that.
    """
    if hub.is_url(pattern):
        pattern, file = hub.inside(pattern, file)
    parts = Path(pattern).parts
    if Path(pattern) == file:
        return stem(file)
    wild = next(i for i, part in enumerate(parts) if _WILD.search(part))
    below = file.relative_to(Path(*parts[:wild]))
    fixes_extension = "." in _WILD.split(parts[-1])[-1]
    return str(below.with_name(stem(below)) if fixes_extension else below)
