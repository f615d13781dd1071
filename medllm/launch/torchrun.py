"""python -m medllm.launch.torchrun WORDS...   torchrun, with the status of the rank that failed.

torchrun itself ends with 1 whatever a rank ended with, and `medllm.journal` has a meaning for 2,
75 and 143.
"""

import signal
import sys
from collections.abc import Sequence

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main

from medllm.journal import AGAIN


def status(words: Sequence[str]) -> int:
    """Start what `words` say, as torchrun takes them, and wait for its end.

    A rank killed by signal n, and torchrun told to end by it, are 128 + n, as shells have it.
    """
    try:
        main(list(words))
    except ChildFailedError as error:
        print(error, file=sys.stderr)
        _, first = error.get_first_failure()
        return first.exitcode if first.exitcode > 0 else 128 - first.exitcode
    except SignalException as error:
        return AGAIN if error.sigval == signal.SIGUSR1 else 128 + error.sigval
    return 0


if __name__ == "__main__":
    sys.exit(status(sys.argv[1:]))
