"""The gate between training texts and the exams a model will sit.

    questions -> index                                       small, one per script
    texts -> fold -> search -> places -> judge -> Match      a batch at a time, by all workers

What is found does not depend on the order of the texts, on the workers or on the memory.
"""

import pickle
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from medllm.data.contamination.fold import Script
from medllm.data.contamination.plan import Found, Plan, look, plan
from medllm.data.contamination.report import of_source
from medllm.data.contamination.sought import SHORTEST
from medllm.data.preparation import WORTH_IT, Preparation
from medllm.errors import ConfigError
from medllm.types import Question

if TYPE_CHECKING:
    from medllm.data.corpus import Corpus

EXCERPT = 100  # characters of a question that are shown
BYTES = 64  # per character of a batch: its text, units, sums, and the copy sent to a worker
LEAST, MOST = 1 << 16, 1 << 20  # characters of a batch
MARGIN = 1000  # characters around a question, besides as many as it has itself

Batch = tuple[list[int], list[str]]  # pieces of texts, and the example that each is of


@dataclass(frozen=True, slots=True)
class Match:
    """A question that stands in a training text.

    example: number of the text.
    question: its id.
    kind: answer, where the right answer or its explanation stands near it.
    overlap: share of the question's n-grams found; of an edited copy, of its shingles.
    excerpt: how the question begins; of the training text nothing is shown.
    """

    example: int
    benchmark: str
    question: str
    kind: Literal["answer", "question"]
    overlap: float
    excerpt: str


@dataclass(frozen=True, kw_only=True)
class Contamination:
    """Which exams training texts are held against, and what becomes of those that hold them.

    Args:
        benchmarks: names of conf/benchmark; the runs' evaluations, at least.
        characters: length of an n-gram of a Chinese question.
        words: the same, of any other.
        near: share of a question's shingles (5 characters, 3 words) that an edited copy keeps;
            1 finds only copies word for word.
        drop: the examples left out: any that hold a question, those that hold an answer as
            well, or none.

    Raises:
        ConfigError: an n-gram so short that running text holds it by chance, or a share that
            is none.
    """

    benchmarks: Sequence[str]
    characters: int
    words: int
    near: float
    drop: Literal["any", "answer", "none"]

    def __post_init__(self) -> None:
        problems = [
            f"data.contamination.{name}={value} must be at least {SHORTEST[name]}"
            for name, value in self._lengths().items()
            if value < SHORTEST[name]
        ]
        if not 0 < self.near <= 1:
            problems.append(f"data.contamination.near={self.near} is a share, above 0 and up to 1")
        if problems:
            raise ConfigError(problems)

    def matches(
        self,
        texts: Iterable[str],
        questions: Mapping[str, Sequence[Question]],
        *,
        workers: int,
        memory: int,
    ) -> list[Match]:
        """Every question that stands in a text, by example, benchmark and question.

        Args:
            texts: read once, in order.
            questions: by benchmark.
            workers: processes.
            memory: bytes for all of them together.
        """
        planned = plan(questions, lengths=self._lengths(), near=self.near)
        size = min(max(memory // (workers * BYTES), LEAST), MOST)
        batches = _batches(texts, size, margin=4 * planned.longest + MARGIN)
        best: dict[tuple[int, int], Found] = {}
        for examples, found in _looked(batches, planned, workers):
            for (text, number), each in found.items():
                at = examples[text], number
                best[at] = max(each, best.get(at, each))
        names = [name for name, asked in questions.items() for _ in asked]
        return [
            _match(example, names[number], planned.questions[number], best[example, number])
            for example, number in sorted(best)
        ]

    def dropped(self, matches: Iterable[Match]) -> set[int]:
        """The examples to leave out."""
        wanted = {"any": ("answer", "question"), "answer": ("answer",), "none": ()}[self.drop]
        return {match.example for match in matches if match.kind in wanted}

    def report(
        self,
        matches: Sequence[Match],
        questions: Mapping[str, Sequence[Question]],
        corpus: "Corpus",
    ) -> dict[str, Any]:
        """The content of contamination.json for the corpus that was looked through."""
        ids = {match.example: corpus.example(match.example).id for match in matches}
        return of_source(matches, questions, ids=ids, dropped=self.dropped(matches))

    def _lengths(self) -> dict[Script, int]:
        return {"characters": self.characters, "words": self.words}


def _match(example: int, benchmark: str, question: Question, found: Found) -> Match:
    kind = "answer" if found.is_answered else "question"
    excerpt = question.text[:EXCERPT]
    return Match(example, benchmark, question.id, kind, round(found.overlap, 3), excerpt)


def _batches(texts: Iterable[str], size: int, margin: int) -> Iterator[Batch]:
    """About `size` characters each; of a longer text, pieces that share `margin` characters."""
    examples, pieces, held = [], [], 0
    for example, text in enumerate(texts):
        for piece in _pieces(text, max(size, 2 * margin), margin):
            examples.append(example)
            pieces.append(piece)
            held += len(piece)
            if held >= size:
                yield examples, pieces
                examples, pieces, held = [], [], 0
    if pieces:
        yield examples, pieces


def _pieces(text: str, size: int, margin: int) -> Iterator[str]:
    if len(text) <= size:
        yield text
        return
    for start in range(0, len(text) - margin, size - margin):
        yield text[start : start + size]


def _looked(
    batches: Iterator[Batch], plan: Plan, workers: int
) -> Iterator[tuple[list[int], Mapping[tuple[int, int], Found]]]:
    """The examples of every batch and what is found in it, in order."""
    head, held = [], 0
    while held < WORTH_IT and (batch := next(batches, None)):
        head.append(batch)
        held += sum(map(len, batch[1]))
    batches = chain(head, batches)
    with Preparation(workers=workers).pool(held) as pool, TemporaryDirectory() as folder:
        if pool is None:
            yield from ((examples, look(plan, pieces)) for examples, pieces in batches)
            return
        file = Path(folder) / "plan"
        file.write_bytes(pickle.dumps(plan))
        waiting: deque[tuple[list[int], Future]] = deque()
        for examples, pieces in batches:
            waiting.append((examples, pool.submit(_look, file, pieces)))
            if len(waiting) > 2 * workers:
                examples, future = waiting.popleft()
                yield examples, future.result()
        yield from ((examples, future.result()) for examples, future in waiting)


def _look(file: Path, pieces: Sequence[str]) -> Mapping[tuple[int, int], Found]:
    """In a worker, which reads the plan once."""
    return look(_plan(file), pieces)


@lru_cache(maxsize=1)
def _plan(file: Path) -> Plan:
    return pickle.loads(file.read_bytes())
