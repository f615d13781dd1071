"""What the rules of medllm.data.deidentify find, miss and take for what it is not.

    python experiments/performance/data/deidentify.py [CORPORA]

On invented notes, whose identifiers are known, by kind and language; then on real files, where
every removal is a candidate for a mistake: to be read, with `--show`, and counted by hand.
"""

import argparse
import csv
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from medllm.data.deidentify.deidentifier import Deidentifier
from medllm.data.deidentify.gold import measure, notes

NOTES = 1000
CONTEXT = 12  # characters shown before and after a removal


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpora", type=Path, nargs="?", default=Path("../shared/data"))
    parser.add_argument("--show", action="store_true", help="print every removal from real files")
    options = parser.parse_args()
    csv.field_size_limit(sys.maxsize)
    for language in ("zh", "en"):
        for disguised in (False, True):
            invented(language, disguised)
    for name, language, texts in (
        ("exam/cmexam/train.csv", "zh", rows),
        ("dialogue/toyhom/内科.csv", "zh", rows),
        ("text/zh/tcm_books", "zh", books),
        ("dialogue/mts_dialog/MTS-Dialog-TrainingSet.csv", "en", rows),
    ):
        real(name, language, list(texts(options.corpora / name)), options.show)


def invented(language: str, disguised: bool) -> None:
    """One table: recall and precision by kind."""
    deidentifier = Deidentifier(languages=[language], style="tag", seed=0)
    given = notes(NOTES, language=language, seed=0, disguised=disguised)
    print(f"\n{NOTES} invented notes, {language}{', figures disguised' if disguised else ''}\n")
    print("| kind | planted | recall | taken | precision |\n|---|---:|---:|---:|---:|")
    for kind, score in measure(deidentifier, given).items():
        print(
            f"| {kind} | {score.planted} | {score.recall:.3f} | {score.found} "
            f"| {score.precision:.3f} |"
        )


def real(name: str, language: str, documents: list[list[str]], show: bool) -> None:
    """One line: removals by rule in real texts, and how fast."""
    deidentifier = Deidentifier(languages=[language], style="tag", seed=0)
    start, counts, touched = time.process_time(), Counter(), 0
    for texts in documents:
        found = deidentifier.find(texts)
        touched += any(found)
        counts.update(each.rule for some in found for each in some)
        if show:
            for text, some in zip(texts, found, strict=True):
                for each in some:
                    around = text[max(0, each.start - CONTEXT) : each.end + CONTEXT]
                    print(f"    {each.rule}: {each.text} in {around!r}")
    seconds = time.process_time() - start
    size = sum(len(text.encode()) for texts in documents for text in texts) / 1e6
    rules = ", ".join(f"{rule} {count}" for rule, count in counts.most_common())
    print(f"\n{name}: {len(documents)} documents, {touched} touched, {size / seconds:.1f} MB/s")
    print(f"    {rules}")


def rows(file: Path) -> Iterator[list[str]]:
    encoding = "gb18030" if "toyhom" in file.parts else "utf-8-sig"
    with open(file, encoding=encoding, newline="") as lines:
        for row in csv.DictReader(lines):
            yield [value for value in row.values() if value]


def books(folder: Path) -> Iterator[list[str]]:
    for file in sorted(folder.glob("*.txt")):
        yield [file.read_text(encoding="gb18030", errors="replace")]


if __name__ == "__main__":
    main()
