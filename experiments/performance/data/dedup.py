"""De-duplication against the libraries, side by side in one process.

    python experiments/performance/data/dedup.py exact --megabytes 60
    python experiments/performance/data/dedup.py near --megabytes 16
    python experiments/performance/data/dedup.py growth --megabytes 10 30 100
    python experiments/performance/data/dedup.py large --megabytes 100 --memory 4000000000

Time is CPU-seconds, user and system, of all threads; what is compared runs in turns, and the
least of the repeats counts. Compilation comes before, and so does holding the results against
each other. Corpora are made by dedup_corpus.py from a seed, and kept in the temporary folder.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from datasketch import MinHash, MinHashLSH
from dedup_corpus import planted
from pydivsufsort import divsufsort, kasai
from rensa import RMinHash, RMinHashLSH
from tokenizers import Tokenizer

from medllm.data.dedup import windows
from medllm.data.dedup.confirm import are_similar
from medllm.data.dedup.exact import ENTRY, SLACK, Exact
from medllm.data.dedup.minhash import jaccard, shingle_set
from medllm.data.dedup.near import Near

DATA = Path(__file__).resolve().parents[4] / "shared/data"
CORPORA = Path(tempfile.gettempdir()) / "medllm-dedup"
SEED = 0
SEEDS = 20
COPIES = 30
WINDOW = 50
EXACT = Exact(window=WINDOW, keep="none", shortest=1)
ALIKE = {"unit": "character", "shingle": 5, "jaccard": 0.8, "edit": 0.8}
NEAR = Near(bands=16, rows=8, shortest=1, seed=SEED, **ALIKE)
LEE = Near(bands=450, rows=20, shortest=1, seed=SEED, **ALIKE)
PLENTY = 16 * 10**9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["exact", "near", "growth", "large", "peak"])
    parser.add_argument("--megabytes", type=int, nargs="+", required=True)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory", type=int, default=PLENTY, help="of large and peak, in bytes")
    asked = parser.parse_args()
    EXACT.spans([stream([[1, 1], [1]])], starts_character=np.ones(9, bool), memory=PLENTY)
    NEAR.components(["", "甲", "乙"], workers=1, memory=PLENTY)
    if asked.what == "growth":
        growth(asked.megabytes, asked.repeats)
    elif asked.what == "large":
        large(asked.megabytes[0], asked.memory)
    elif asked.what == "peak":
        print(peak(asked.megabytes[0], asked.memory))
    else:
        {"exact": exact, "near": near}[asked.what](asked.megabytes[0], asked.repeats)


def exact(megabytes: int, repeats: int) -> None:
    """Time of both, and time and memory with a quarter of the memory that one sweep needs."""
    ids, offsets = tokens(megabytes)
    by_suffix = suffix_array(ids, offsets)
    assert np.array_equal(by_suffix, by_hash(ids, offsets)), "not the same windows"
    count = np.maximum(np.diff(offsets) - WINDOW + 1, 0).sum()
    whole = int(ENTRY * count + len(ids) / 4 + 16 * len(offsets) + 16 * SLACK)
    seconds = least(
        repeats,
        pydivsufsort=lambda: suffix_array(ids, offsets),
        exact=lambda: search(ids, offsets, whole),
        quarter=lambda: search(ids, offsets, whole // 4),
    )
    sweeps = [search(ids, offsets, memory).sweeps for memory in (whole, whole // 4)]
    report(
        text=f"{megabytes} MB, {len(ids):,} tokens, {len(offsets) - 1:,} documents",
        windows=f"{count:,}, of which {len(by_suffix):,} are repeated in both",
        **{name: f"{value:.2f} CPU-s" for name, value in seconds.items()},
        ratio=f"{seconds['pydivsufsort'] / seconds['exact']:.1f} x pydivsufsort",
        speed=f"{megabytes / seconds['exact']:.0f} MB of text per CPU-s",
        partitions=f"{seconds['quarter'] / seconds['exact']:.2f} x the time, sweeps {sweeps}",
        memory=" and ".join(
            f"{peak_of_child(megabytes, memory) / len(ids):.1f} B/token given {memory / 1e6:.0f} MB"
            for memory in (whole, whole // 4)
        ),
    )


def near(megabytes: int, repeats: int) -> None:
    """Time and recall of planted copies at equal bands, pairs confirmed by the same function."""
    corpus = planted(DATA, size=megabytes * 10**6, seed=SEED)
    runs: dict[str, Callable[[], np.ndarray]] = {
        "datasketch": lambda: groups(corpus.texts, datasketch_pairs(corpus.texts)),
        "rensa": lambda: groups(corpus.texts, rensa_pairs(corpus.texts, SEED)),
        "near": lambda: NEAR.components(corpus.texts, workers=1, memory=PLENTY),
        "450 x 20": lambda: LEE.components(corpus.texts, workers=1, memory=PLENTY),
    }
    kept = {name: run() for name, run in runs.items()}
    for found in kept.values():
        assert is_together(found, corpus.exact) == 1, "an exact copy was missed"
    seconds = least(repeats, **runs)
    report(
        text=f"{megabytes} MB, {len(corpus.texts):,} texts, {len(corpus.near)} planted near copies",
        **{
            name: f"{value:.2f} CPU-s, {megabytes / value:.1f} MB/s, "
            f"recall {is_together(kept[name], corpus.near):.3f}"
            for name, value in seconds.items()
        },
        ratio=f"{seconds['datasketch'] / seconds['near']:.1f} x datasketch, "
        f"{seconds['rensa'] / seconds['near']:.1f} x rensa",
        recall=recall([corpus.texts[number] for number in corpus.near.ravel()]),
    )


def recall(texts: list[str]) -> str:
    """Of pairs laid end to end, over many seeds: at equal bands one seed is a matter of luck."""
    pairs = np.arange(len(texts)).reshape(-1, 2)
    sets = [shingle_set(text, unit=NEAR.unit, size=NEAR.shingle) for text in texts]
    similarities = [jaccard(sets[a], sets[b]) for a, b in pairs]
    law = np.mean([NEAR.recall(similarity) for similarity in similarities])
    found = np.empty((SEEDS, 2))
    for seed in range(SEEDS):
        ours = replace(NEAR, seed=seed).components(texts, workers=1, memory=PLENTY)
        theirs = groups(texts, rensa_pairs(texts, seed))
        found[seed] = is_together(ours, pairs), is_together(theirs, pairs)
    (near, rensa), error = found.mean(axis=0), found.std(axis=0).max() / SEEDS**0.5
    return (
        f"over {SEEDS} seeds: near {near:.4f}, rensa {rensa:.4f}, each +- {error:.4f}; "
        f"the law {law:.4f} at a mean J of {np.mean(similarities):.3f}"
    )


def growth(sizes: list[int], repeats: int) -> None:
    """Time per megabyte as the corpus grows."""
    runs: dict[str, Callable[[], object]] = {}
    for size in sizes:
        ids, offsets = tokens(size)
        texts = planted(DATA, size=size * 10**6, seed=SEED).texts
        runs[f"exact {size}"] = lambda i=ids, o=offsets: search(i, o, PLENTY)
        runs[f"near {size}"] = lambda t=texts: NEAR.components(t, workers=1, memory=PLENTY)
    seconds = least(repeats, **runs)
    report(
        **{
            name: f"{value:.2f} CPU-s, {1e3 * value / int(name.split()[1]):.2f} ms per MB"
            for name, value in seconds.items()
        }
    )


def large(megabytes: int, memory: int) -> None:
    """One search of thirty times as much from a memory map; ids are permuted each time."""
    ids, offsets = tokens(megabytes)
    rng = np.random.default_rng(SEED)
    with tempfile.NamedTemporaryFile() as file:
        for _ in range(COPIES):
            rng.permutation(int(ids.max()) + 1).astype(ids.dtype)[ids].tofile(file)
        mapped = np.memmap(file.name, ids.dtype, mode="r")
        starts = np.arange(COPIES)[:, None] * len(ids) + offsets[:-1]
        before, held = spent(), resident("RssAnon")
        Path("/proc/self/clear_refs").write_text("5")
        found = search(mapped, np.append(starts, len(mapped)), memory)
        report(
            text=f"{COPIES * megabytes} MB, {len(mapped):,} tokens, {found.sweeps} sweeps",
            exact=f"{spent() - before:.0f} CPU-s",
            memory=f"{(resident('VmHWM') - mapped.nbytes - held) / 1e9:.1f} GB beyond the map",
            windows=f"{found.repeated[0]:,} repeated, {found.collisions} hashes collided",
        )


def suffix_array(ids: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Where repeated windows start, by suffix array, common prefixes and one scan."""
    suffixes = divsufsort(ids)
    run = np.cumsum(np.r_[True, kasai(ids, suffixes)[:-1] < WINDOW])
    inside = np.zeros(len(ids), dtype=bool)
    for start, stop in pairwise(offsets):
        inside[start : max(start, stop - WINDOW + 1)] = True
    inside = inside[suffixes]
    counts = np.bincount(run[inside], minlength=run[-1] + 1)
    return np.sort(suffixes[inside & (counts[run] > 1)])


def by_hash(ids: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The same by the kernel of `Exact`."""
    view = ids.view()
    view.flags.writeable = False
    contents, _ = windows.content_hashes(view, offsets)
    corpus = windows.Corpus((view,), offsets[[0, -1]], offsets, contents)
    marks = np.zeros((2, len(ids) // 8 + 1), dtype=np.uint8)
    table = np.zeros(2 * len(ids), dtype=np.uint64)
    windows.mark(corpus, WINDOW, 0, 1, windows.MULTIPLIER, table, *marks)
    return np.flatnonzero(np.unpackbits(marks[0], bitorder="little"))


def search(ids: np.ndarray, offsets: np.ndarray, memory: int):
    return EXACT.find([(ids, offsets)], starts_character=np.ones(1 << 16, bool), memory=memory)


def rensa_pairs(texts: list[str], seed: int) -> np.ndarray:
    index = RMinHashLSH(0.8, 128, 16)
    hashes = []
    for number, text in enumerate(texts):
        hashes.append(RMinHash(128, seed))
        hashes[-1].update(shingles(text))
        index.insert(number, hashes[-1])
    return pairs_of(index.query(hashed) for hashed in hashes)


def datasketch_pairs(texts: list[str]) -> np.ndarray:
    index = MinHashLSH(params=(16, 8), num_perm=128)
    hashes = []
    for number, text in enumerate(texts):
        hashes.append(MinHash(128, seed=SEED))
        hashes[-1].update_batch([shingle.encode() for shingle in set(shingles(text))])
        index.insert(number, hashes[-1])
    return pairs_of(index.query(hashed) for hashed in hashes)


def shingles(text: str) -> list[str]:
    return [text[start : start + 5] for start in range(max(len(text) - 4, 1))]


def pairs_of(found) -> np.ndarray:
    pairs = {(min(n, m), max(n, m)) for n, others in enumerate(found) for m in others if n != m}
    return np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)


def groups(texts: list[str], pairs: np.ndarray) -> np.ndarray:
    """A number per text, the same for texts that pairs link after they were confirmed."""
    group = np.arange(len(texts))
    for one, other in pairs[are_similar(texts, pairs, workers=1, **ALIKE)]:
        group[group == group[one]] = group[other]
    return group


def is_together(group: np.ndarray, pairs: np.ndarray) -> float:
    """The share of pairs that are in one group."""
    return float((group[pairs[:, 0]] == group[pairs[:, 1]]).mean())


def peak_of_child(megabytes: int, memory: int) -> int:
    command = [sys.executable, __file__, "peak", "--megabytes", str(megabytes)]
    return int(subprocess.check_output([*command, "--memory", str(memory)], text=True))


def peak(megabytes: int, memory: int) -> int:
    """Bytes of resident memory by which a search goes beyond what was there with its input."""
    ids, offsets = tokens(megabytes)
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
    before = resident("VmRSS")
    search(ids, offsets, memory)
    return resident("VmHWM") - before


def resident(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    [kibibytes] = [line.split()[1] for line in lines if line.startswith(field)]
    return 1024 * int(kibibytes)


def tokens(megabytes: int) -> tuple[np.ndarray, np.ndarray]:
    """Ids (T,) u16 and offsets (N + 1,) of the corpus of this size."""
    file = CORPORA / f"{megabytes}.npz"
    if not file.exists():
        texts = planted(DATA, size=megabytes * 10**6, seed=SEED).texts
        tokenizer = Tokenizer.from_file(str(DATA / "tokenizer/minimind/tokenizer.json"))
        ids, offsets = stream(
            [e.ids for e in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
        )
        CORPORA.mkdir(exist_ok=True)
        np.savez(file, ids=ids, offsets=offsets)
    stored = np.load(file)
    return stored["ids"], stored["offsets"]


def stream(documents: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    ids = np.concatenate([np.array(document, dtype=np.uint16) for document in documents])
    return ids, np.cumsum([0, *map(len, documents)])


def least(repeats: int, **runs: Callable[[], object]) -> dict[str, float]:
    """CPU-seconds of each, the least of as many turns."""
    seconds = dict.fromkeys(runs, float("inf"))
    for _ in range(repeats):
        for name, run in runs.items():
            before = spent()
            run()
            seconds[name] = min(seconds[name], spent() - before)
    return seconds


def spent() -> float:
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def report(**lines: str) -> None:
    for name, line in lines.items():
        print(f"{name:>14}  {line}")


if __name__ == "__main__":
    main()
