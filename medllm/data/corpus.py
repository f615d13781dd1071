"""The examples of a source on disk: read, cleaned, and not yet tokens.

    <stores>/corpora/<name>-<digest>/
        <file>-<part>.jsonl          one example a line
        <file>-<part>.npy            (N + 1,) int64, the byte where each line starts
        <file>-<part>.left_out.jsonl what was left out: file, line, step, reason
        <file>-<part>.audit.jsonl    what was de-identified: id, rule, place; not what stood there
        manifest.json                its parts, counts per reason, fingerprints of the files

A corpus does not know any tokenizer, so models that read it in different tokens share it.
"""

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from medllm.data import folder as folders
from medllm.data.example import text_of
from medllm.types import Conversation, Document, Example, Preference, Turn

KINDS = {kind.__name__: kind for kind in (Document, Conversation, Preference)}


class Corpus:
    """Examples in the order of their files.

    kind: of all of them.
    content: names what is in it; two corpora that say the same hold the same.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = folders.manifest(folder)
        self.kind: type[Example] = KINDS[self.manifest["kind"]]
        self.content: str = self.manifest["content"]
        self.parts: list[str] = [part["name"] for part in self.manifest["parts"]]
        self._first = np.cumsum([0, *(part["examples"] for part in self.manifest["parts"])])

    def __len__(self) -> int:
        return int(self._first[-1])

    def __iter__(self) -> Iterator[Example]:
        for part in self.parts:
            yield from self.part(part)

    def first(self, part: str) -> int:
        """Number of the first example of a part."""
        return int(self._first[self.parts.index(part)])

    def part(self, name: str) -> Iterator[Example]:
        """The examples of one part."""
        with open(self.folder / f"{name}.jsonl", encoding="utf-8") as lines:
            for line in lines:
                yield decoded(line, self.kind)

    def example(self, number: int) -> Example:
        """One example, without reading those before it."""
        return decoded(self._line(number), self.kind)

    def where(self, number: int) -> tuple[str, int]:
        """The file an example comes from, and the line there."""
        file = int(self._part(number).partition("-")[0])
        return list(self.manifest["files"])[file], json.loads(self._line(number))["line"]

    def _part(self, number: int) -> str:
        return self.parts[int(np.searchsorted(self._first, number, side="right")) - 1]

    def _line(self, number: int) -> str:
        name = self._part(number)
        at = number - self.first(name)
        start, stop = self._starts(name)[at : at + 2]
        with open(self.folder / f"{name}.jsonl", "rb") as lines:
            lines.seek(start)
            return lines.read(stop - start).decode()

    @lru_cache(maxsize=64)  # noqa: B019  (as many parts as are likely to be asked together)
    def _starts(self, name: str) -> np.ndarray:
        return np.load(self.folder / f"{name}.npy", mmap_mode="r")


class Texts(Sequence[str]):
    """The text of some examples of some corpora, one after the other.

    Args:
        corpora: any number.
        numbers: of the examples of each that count, ascending; None for all.
    """

    def __init__(
        self, corpora: Sequence[Corpus], numbers: Sequence[np.ndarray] | None = None
    ) -> None:
        self.corpora = list(corpora)
        self.numbers = list(numbers or (np.arange(len(corpus)) for corpus in corpora))
        self._first = np.cumsum([0, *(len(these) for these in self.numbers)])

    def __len__(self) -> int:
        return int(self._first[-1])

    def __getitem__(self, number):
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(len(self)))]
        if not 0 <= number < len(self):
            raise IndexError(number)
        which, at = self.place(number)
        return text_of(self.corpora[which].example(at))

    def __iter__(self) -> Iterator[str]:
        for corpus, numbers in zip(self.corpora, self.numbers, strict=True):
            wanted = np.zeros(len(corpus), dtype=bool)
            wanted[numbers] = True
            for example, is_wanted in zip(corpus, wanted, strict=True):
                if is_wanted:
                    yield text_of(example)

    def place(self, number: int) -> tuple[int, int]:
        """Number of the corpus, and of the example in it."""
        which = int(np.searchsorted(self._first, number, side="right")) - 1
        return which, int(self.numbers[which][number - self._first[which]])


def encoded(example: Example, line: int) -> str:
    """One line of JSON; `line` is where the example stands in its file."""
    match example:
        case Document():
            said: dict[str, object] = {"text": example.text}
        case Conversation():
            said = {"turns": _pairs(example.turns)}
        case Preference():
            said = {"prompt": _pairs(example.prompt)}
            said |= {"chosen": example.chosen, "rejected": example.rejected}
    return json.dumps({"line": line, "id": example.id, **said}, ensure_ascii=False) + "\n"


def decoded(line: str, kind: type[Example]) -> Example:
    """What `encoded` wrote."""
    record = json.loads(line)
    del record["line"]
    if kind is Document:
        return Document(**record)
    for name in {"turns", "prompt"} & record.keys():
        record[name] = tuple(Turn(role, text) for role, text in record[name])
    return kind(**record)


def _pairs(turns: Sequence[Turn]) -> list[tuple[str, str]]:
    return [(turn.role, turn.text) for turn in turns]
