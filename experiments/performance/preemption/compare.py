"""Whether two folders of runs came to the same: a sweep undisturbed, and the same one disturbed.

    python experiments/performance/preemption/compare.py RUNS OTHER

Exits with 1 where anything differs: weights, scores, rows seen, or W&B ids.
"""

import hashlib
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from medllm.checkpoint.seen import rows


def main() -> None:
    one, other = (Path(word) for word in sys.argv[1:3])
    names = sorted(str(file.parent.relative_to(one)) for file in one.glob("*/*/*/done.json"))
    theirs = sorted(str(file.parent.relative_to(other)) for file in other.glob("*/*/*/done.json"))
    assert names == theirs, f"{set(names) ^ set(theirs)} are in one only"
    table = Table(title=f"{one} and {other}")
    for head in ("run", "attempts", "weights", "scores", "rows", "W&B ids"):
        table.add_column(head)
    wrong = 0
    for name in names:
        verdicts = compared(one / name, other / name)
        wrong += sum(not verdict for verdict in verdicts)
        words = ["same" if verdict else "DIFFERENT" for verdict in verdicts]
        table.add_row(name, f"{attempts(one / name)}, {attempts(other / name)}", *words)
    Console().print(table)
    sys.exit(bool(wrong))


def compared(one: Path, other: Path) -> tuple[bool, bool, bool, bool]:
    weights = [hashed(run_dir / "export/model.safetensors") for run_dir in (one, other)]
    seen = [rows(run_dir / "seen") for run_dir in (one, other)]
    each = sorted(row for step in seen[1].values() for row in step)
    return (
        weights[0] == weights[1],
        scores(one) == scores(other),
        # Every step took the same rows, and every row of the plan was taken once.
        {n: sorted(r) for n, r in seen[0].items()} == {n: sorted(r) for n, r in seen[1].items()}
        and each == list(range(len(each))),
        len({folder.name.split("-", 3)[3] for folder in other.glob("wandb/offline-run-*")}) == 1,
    )


def scores(run_dir: Path) -> dict[str, object]:
    found = {}
    for file in run_dir.glob("eval/*/score.json"):
        found[file.parent.name] = json.loads(file.read_text())
    return found


def attempts(run_dir: Path) -> int:
    lines = map(json.loads, (run_dir / "attempts.jsonl").read_text().splitlines())
    return sum("started" in line for line in lines)


def hashed(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
