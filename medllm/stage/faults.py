"""Faults of the machine that a user can do something about, told from the exceptions they raise.

Memory and disks run out in several libraries, each of which has an exception of its own.
"""

import contextlib
import errno
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from medllm.errors import UserError

NO_MEMORY = ("can't allocate memory", "out of memory")  # torch on a CPU; CUDA beside torch
# safetensors; torch's own writer, which forgets the reason (torch 2.13: "unexpected pos")
NO_SPACE = ("No space left on device", "os error 28", "os error 122", "inline_container.cc")
GIB = 2**30


class OutOfMemory(UserError):
    """The model and its batch do not fit; another try would not either."""


@contextlib.contextmanager
def told(
    run_dir: Path, *, where: Callable[[], str], suggestion: Callable[[], str]
) -> Iterator[None]:
    """Raise a UserError for what goes wrong inside, if the machine is too small for it.

    Args:
        where: the step and the shape of the micro-batch, see `Watchdog.where`.
        suggestion: overrides that would fit; asked only when memory has run out.

    Raises:
        OutOfMemory: of a device or of the processor.
        UserError: the disk of `run_dir` is full.
    """
    try:
        yield
    except UserError:  # says already what to do, and may quote a disk that is full besides
        raise
    except Exception as error:
        if is_out_of_memory(error):
            first = str(error).strip().partition("\n")[0]
            raise OutOfMemory(f"out of memory {where()}: {first}\n  {suggestion()}") from error
        if is_disk_full(error):
            raise UserError(
                f"no space left on the disk of {run_dir}, {where()}; its last whole checkpoint is "
                "kept: free some space and start again, or change paths.runs"
            ) from error
        raise


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out. The kernel may also kill a process that asks for too much."""
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    return isinstance(error, RuntimeError) and any(mark in str(error) for mark in NO_MEMORY)


def is_disk_full(error: BaseException) -> bool:
    """Whether a disk, or somebody's share of it, is full."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return any(mark in str(error) for mark in NO_SPACE)


def check_folder(folder: Path, *, needed: int = 0) -> None:
    """Make `folder`, and see that files can be written there.

    Args:
        needed: bytes that will be.

    Raises:
        UserError: they cannot, or would not fit.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"?")
    except OSError as error:
        raise UserError(
            f"cannot write to {folder}: {error.strerror}; mend it, or change paths.runs or "
            "MEDLLM_RUNS"
        ) from error
    if (free := shutil.disk_usage(folder).free) < needed:
        raise UserError(
            f"{folder} will need {needed / GIB:.1f} GiB, and {free / GIB:.1f} GiB are free there; "
            "free some space, change paths.runs, or lower checkpointing.keep"
        )
