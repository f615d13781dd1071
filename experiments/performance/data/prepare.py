"""All of `medllm prepare`, from one JSON lines file to the plan of its rows, at growing sizes.

    .venv/bin/python experiments/performance/data/prepare.py ../shared/data --megabytes 10 30 100

Each size in a process of its own: read and cleaned by two workers, tokenised, near-duplicates
(16 x 8) and exact repeats taken out, packed to 2,048. CPU-seconds of all processes, and the
largest of their peak memories.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MILLION = 1_000_000


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("shared", type=Path)
    options.add_argument("--megabytes", type=int, nargs="+", default=[10, 30, 100])
    options.add_argument("--one", action="store_true", help="of the process for one size")
    given = options.parse_args()
    if given.one:
        print(json.dumps(prepared(given.shared, given.megabytes[0])))
        return
    print("   MB  CPU-s  wall s  CPU-s/MB  peak MB   of it: read  tokenise  near  exact")
    for size in given.megabytes:
        words = [sys.executable, __file__, str(given.shared), "--one", "--megabytes", str(size)]
        said = json.loads(subprocess.check_output(words, text=True).splitlines()[-1])
        print(
            f"{size:5d} {said['cpu']:6.1f} {said['wall']:7.1f} {said['cpu'] / size:9.3f}"
            f" {said['peak']:8.0f}            "
            + "".join(f"{said[step]:7.1f}" for step in ("read", "tokenise", "near", "exact"))
        )


def prepared(shared: Path, size: int) -> dict[str, float]:
    """CPU-seconds, seconds, and peak memory in MB, of one corpus of `size` MB."""
    from dedup_corpus import planted

    from medllm import config
    from medllm.data import mixture as module

    with tempfile.TemporaryDirectory() as place:
        with open(f"{place}/books.jsonl", "w", encoding="utf-8") as lines:
            for text in planted(shared, size=size * MILLION, seed=0).texts:
                lines.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")
        made = config.instantiate(composed(shared, place).data)
        tokenizer = config.instantiate(composed(shared, place).model).tokenizer()
        warm(made, tokenizer, shared, Path(place))
        spent = timed(module)
        before, started = cpu(), time.monotonic()
        made.stores(tokenizer, Path(place) / "stores", progress=False)
        total = {"cpu": cpu() - before, "wall": time.monotonic() - started}
        peaks = [
            resource.getrusage(who).ru_maxrss
            for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        ]
        return {**total, **spent, "peak": max(peaks) / 1000}


def composed(shared: Path, place: str):
    from medllm import config

    return config.compose(
        "prepare",
        [
            *("data=real_smoke_base", "model=real_smoke", "stage=cpt", "name=x"),
            f"paths.corpora={shared}",
            f"data.sources.books.files={place}/books.jsonl",
            *("data.sources.books.format=jsonl", "data.sources.books.encoding=utf-8"),
            *("+data/clean@data.sources.books=chinese_text", "data.seq_len=2048"),
            *("+data/near=quick", "+data/exact=lee", "data.contamination=null"),
        ],
    )


def warm(made, tokenizer, shared: Path, place: Path) -> None:
    """Compile what is compiled, on a few documents."""
    from dataclasses import replace

    few = {name: replace(source, limit=50) for name, source in made.sources.items()}
    replace(made, sources=few).stores(tokenizer, place / "warm", progress=False)


def timed(module) -> dict[str, float]:
    """Fills with the CPU-seconds of each step while the stores are made."""
    spent = dict.fromkeys(("read", "tokenise", "near", "exact"), 0.0)
    steps = {
        "read": (module.build, "corpus_of"),
        "tokenise": (module.build, "tokens_of"),
        "near": (module.removal, "nearly_the_same"),
        "exact": (module.removal, "repeated"),
    }
    for name, (where, what) in steps.items():
        setattr(where, what, counted(getattr(where, what), name, spent))
    return spent


def counted(step, name: str, spent: dict[str, float]):
    def run(*given, **named):
        before = cpu()
        made = step(*given, **named)
        spent[name] += cpu() - before
        return made

    return run


def cpu() -> float:
    """Of this process and its children that have ended."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, who))


if __name__ == "__main__":
    main()
