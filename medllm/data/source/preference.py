"""Two replies to one prompt, the first judged better."""

from collections.abc import Sequence

from medllm.data.source import record as read
from medllm.data.source.record import Record
from medllm.errors import DataError
from medllm.types import Preference, Turn


def pair(
    record: Record, id: str, *, prompt: Sequence[str], chosen: str, rejected: str
) -> Preference:
    """One user turn of the fields named in `prompt`, and the two replies.

    Raises:
        DataError: if the replies are the same, so that there is nothing to prefer.
    """
    better, worse = read.text(record, chosen), read.text(record, rejected)
    if better == worse:
        raise DataError(f"'{chosen}' and '{rejected}' are the same")
    return Preference(id, (Turn("user", read.joined(record, prompt)),), better, worse)
