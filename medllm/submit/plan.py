"""What a recipe would do, drawn as a tree: steps, where each stands, what it may cost."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rich.text import Text
from rich.tree import Tree

from medllm.errors import UserError
from medllm.submit.chain import Step
from medllm.submit.frozen import has_rows
from medllm.submit.price import Price, amount, hours, price
from medllm.submit.standing import standing

STYLES = {"done": "green", "running": "cyan", "queued": "cyan", "training here": "cyan"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One step of one point.

    word, job: where its run stands.
    has_rows: its rows are there.
    scored: of `exams` benchmarks, how many have scores.
    price: what it may cost; None of a run that costs no more.
    """

    step: Step
    word: str
    job: str | None
    has_rows: bool
    scored: int
    exams: int
    price: Price | None

    @classmethod
    def of(cls, step: Step, steps: Mapping[str, Step], *, scored: int, exams: int) -> "Planned":
        """Where `step`, one of `steps`, stands and what it would cost."""
        word, job = _stands(step)
        is_open = word not in ("done", "running", "training here")
        earlier = {each.run: each.cfg for each in steps.values() if not each.is_done}
        return cls(
            step=step,
            word=word,
            job=job,
            has_rows=has_rows(step.cfg, step.folder),
            scored=scored,
            exams=exams,
            price=price(step.cfg, earlier) if is_open else None,
        )

    @property
    def is_to_train(self) -> bool:
        return self.word == "to train"


@dataclass(slots=True)
class Total:
    """All points of a sweep; a run that two of them share counts once."""

    points: int = 0
    steps: int = 0
    runs: dict[str, Planned] = field(default_factory=dict)

    def add(self, planned: Mapping[str, Planned]) -> None:
        self.points += 1
        self.steps += len(planned)
        self.runs.update({each.step.run: each for each in planned.values()})

    def told(self) -> list[str]:
        """In words, a line for each thing."""
        words = [each.word for each in self.runs.values()]
        counts = [f"{words.count(word)} {word}" for word in dict.fromkeys(words)]
        shared = self.steps - len(self.runs)
        lines = [
            f"{_many(self.points, 'point')}, {_many(self.steps, 'step')}, "
            f"{_many(len(self.runs), 'run')}{f' ({shared} shared)' if shared else ''}: "
            + ", ".join(counts)
        ]
        prices = [each.price for each in self.runs.values() if each.is_to_train and each.price]
        spent = _spent(prices) if prices else []
        return [*lines, " · ".join(spent)] if spent else lines


def _spent(prices: Sequence[Price]) -> list[str]:
    """Hours of every kind of device, and the disk."""
    told: list[str] = []
    for device in dict.fromkeys(each.device for each in prices):
        some = [each for each in prices if each.device == device]
        told += hours(_sum(p.limit for p in some), _sum(p.hours for p in some), device)
    disk = _sum(p.disk for p in prices)
    return [*told, *([f"{amount(disk)}B of disk"] if disk else [])]


def _stands(step: Step) -> tuple[str, str | None]:
    try:
        now = standing(step.folder)
    except UserError:  # a plan may be looked at where Slurm cannot be asked
        return "queued before", None
    return now.word, now.job


def tree(title: str, planned: Mapping[str, Planned]) -> Tree:
    """The steps of one point, each below the one it starts from."""
    root = Tree(Text(title, style="bold"), guide_style="dim")
    branches: dict[str | None, Tree] = {None: root}
    for name, each in planned.items():
        branches[name] = branches[each.step.previous].add(_leaf(name, each))
    return root


def _leaf(name: str, each: Planned) -> Text:
    """Step, run and state; below them what it may cost, as far as that is known."""
    job = f", job {each.job}" if each.job else ""
    scores = f", scored {each.scored} of {each.exams}" if each.word == "done" else ""
    leaf = Text.assemble(
        (name, "bold"), f"  {each.step.run}  ", (each.word, STYLES.get(each.word, "yellow")),
        job, scores,
    )  # fmt: skip
    if each.price is not None:
        rows = "rows ready" if each.has_rows else "rows to make"
        leaf.append(f"\n{' · '.join([rows, *each.price.told()])}", style="dim")
    return leaf


def _sum(numbers: Iterable[float | None]) -> float | None:
    """None where one is not known."""
    known = list(numbers)
    return None if None in known else sum(number for number in known if number is not None)


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
