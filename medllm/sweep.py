"""The points of one line: `medllm VERB ... -m key=a,b` makes one after another in one process.

What a verb keeps from point to point lies here, for the last one to tell.
"""

import math
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from medllm.errors import Stopped, UserError

if TYPE_CHECKING:
    from hydra.core.config_loader import ConfigLoader


@dataclass(kw_only=True)
class Sweep:
    """points: how many there are; 1 without -m.

    number: of the point at hand, from 0.
    failed: number of a point to what went wrong.
    kept: whatever a verb wants to find again at the next point.
    """

    points: int
    number: int = 0
    failed: dict[int, str] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)

    @property
    def is_last(self) -> bool:
        return self.number == self.points - 1

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """What fails in one point is told and leaves the others running; `close` tells it again."""
        try:
            yield
        except Stopped:
            raise  # by a signal, which means all of them
        except UserError as error:
            if self.points == 1:
                raise
            self._note(error)
        except Exception as error:
            # A bug. Hydra goes on with the other points and raises the first such error at the end.
            self._note(error)
            raise

    def _note(self, error: Exception) -> None:
        said = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        self.failed[self.number] = "; ".join([said, *getattr(error, "__notes__", [])])
        if self.points > 1:
            told = f"point {self.number + 1} of {self.points} failed: {self.failed[self.number]}"
            print(f"medllm: {told}", file=sys.stderr)
            if not isinstance(error, UserError):
                traceback.print_exception(error)

    def close(self) -> None:
        """After the last point, say which failed.

        Raises:
            UserError: some did.
        """
        if not (self.is_last and self.failed):
            return
        numbers: dict[str, list[int]] = {}
        for number, why in self.failed.items():
            numbers.setdefault(why, []).append(number + 1)
        told = [f"  point {', '.join(map(str, n))}: {why}" for why, n in numbers.items()]
        count = f"{len(self.failed)} of {self.points} points failed; the others went on:"
        raise UserError("\n".join([count, *told]))

    def allow(self, runs: int, *, limit: int, name: str, confirm: str | None) -> None:
        """Refuse to queue more than `limit` runs that nobody has confirmed by `name`.

        Args:
            runs: that the whole sweep may train.

        Raises:
            UserError: see above.
        """
        if runs > limit and confirm != name:
            asked = f", and confirm={confirm} is not its name" if confirm else ""
            raise UserError(
                f"this sweep of {self.points} points may train {runs} runs, more than sweep_limit="
                f"{limit}{asked}; to queue them all add confirm={name}, to look first plan=true"
            )


_now = Sweep(points=1)


def here() -> Sweep:
    """The sweep that this job of Hydra is a point of, the same object at each of its points."""
    global _now
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    now = HydraConfig.get()
    number = now.job.num if now.mode == RunMode.MULTIRUN else 0
    if number == 0:
        loader = GlobalHydra.instance().config_loader()
        is_swept = now.mode == RunMode.MULTIRUN
        words = [word for word in sys.argv[1:] if not word.startswith("-")]
        fixed = now.sweeper.get("params") or {}
        _now = Sweep(points=points(words, loader, fixed) if is_swept else 1)
    _now.number = number
    return _now


def points(words: Sequence[str], loader: "ConfigLoader", fixed: Mapping[str, str]) -> int:
    """How many points Hydra's own sweeper makes of `words`.

    Args:
        loader: knows what a glob stands for.
        fixed: `hydra.sweeper.params` of the config, which a word may change.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser

    parser = OverridesParser.create(config_loader=loader)
    given = [*(f"{key}={value}" for key, value in fixed.items()), *words]
    sizes = {  # where a key stands twice, the last counts
        each.get_key_element(): len(list(each.sweep_string_iterator()))
        if each.is_sweep_override()
        else 1
        for each in parser.parse_overrides(given)
    }
    return math.prod(sizes.values())
