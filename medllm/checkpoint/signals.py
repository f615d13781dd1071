"""Told to stop: a signal sets a flag, and nothing else happens inside the handler.

Lightning 2.6 saves in the handler of SIGUSR1 and broadcasts in that of SIGTERM, in whatever
collective a rank happens to be (Lightning#21406).
"""

import signal
from types import FrameType
from typing import Any

# By rank of importance: where ranks hear different ones, the last of these counts.
SAVE = 1  # not a signal: a checkpoint is due
STATUS = {  # how the process ends
    signal.SIGINT: 130,
    signal.SIGTERM: 143,
    signal.SIGUSR1: 75,  # journal.AGAIN
}
ORDER = (None, None, *STATUS)  # 2, 3, 4


class Told:
    """Handlers of SIGINT, SIGTERM and SIGUSR1 that note the strongest word heard.

    A second SIGINT is a KeyboardInterrupt, for those who will not wait for a checkpoint.
    """

    def __init__(self) -> None:
        self.word = 0  # index in ORDER
        self.before: dict[signal.Signals, Any] = {}

    def listen(self) -> None:
        """Handle the signals from here on; in the main thread only."""
        for number in STATUS:
            self.before[number] = signal.signal(number, self._hear)

    def leave(self) -> None:
        """Give the signals back to whoever had them."""
        for number, handler in self.before.items():
            signal.signal(number, handler)
        self.before.clear()

    def _hear(self, number: int, frame: FrameType | None) -> None:
        word = ORDER.index(signal.Signals(number))
        if word == self.word and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.word = max(self.word, word)
