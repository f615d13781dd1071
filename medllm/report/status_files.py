"""Files that may be torn, foreign or unreadable, and values that may be of any kind.

What cannot be read counts as absent; where the caller keeps a list of faults, it is told there.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from medllm import journal
from medllm.lock import is_held

LARGEST = 1e300  # a whole number in JSON may be larger than any float


def mapping(file: Path, faults: list[str]) -> dict[str, Any] | None:
    """What a JSON file holds; None if it is absent, and with a fault if it is not a whole one."""
    content = text(file, faults)
    if content is None:
        return None
    found = journal.read(content)
    if not isinstance(found, dict):
        faults.append(f"{file.name} is not whole")
        return None
    return found


def text(file: Path, faults: list[str]) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        faults.append(f"{file.name} cannot be read: {_why(error)}")
        return None


def _why(error: OSError | UnicodeDecodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not text"
    return (error.strerror or str(error)).lower()


def is_there(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:
        return False  # the folder's fault is told once


def is_folder(folder: Path, faults: list[str]) -> bool:
    try:
        next(folder.iterdir(), None)
    except FileNotFoundError:
        return False
    except OSError as error:
        faults.append(f"its folder cannot be read: {_why(error)}")
    return True


def written(file: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except (OSError, ValueError, OverflowError):  # a disk may hold any number
        return None


def matching(folder: Path, pattern: str) -> list[Path]:
    try:
        return sorted(folder.glob(pattern))
    except OSError:
        return []


def held(lock: Path, faults: list[str]) -> bool:
    try:
        return is_held(lock)
    except OSError as error:
        faults.append(f"{lock.name} cannot be tried: {_why(error)}")
        return False


def listed(value: object) -> list:
    return value if isinstance(value, list) else []


def word(value: object) -> str | None:
    return value if isinstance(value, str) else None


def whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def real(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < LARGEST else None


def moment(said: object) -> datetime | None:
    """An ISO time; one without a zone is UTC, which is what medllm writes."""
    try:
        time = datetime.fromisoformat(str(said))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
