"""Tokenise + store, packing and reading rows, each beside its peer, in CPU-seconds.

    .venv/bin/python experiments/performance/data/rows.py ../shared/data

One thread, A and B in turn, the least of `REPEATS`; that both give the same is asserted first.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

os.environ["RAYON_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import datasets
import numpy as np
from transformers import AutoTokenizer
from trl.data_utils import pack_dataset

from medllm.data import mix, pack, write_tokens
from medllm.data.build import corpus_of
from medllm.data.mixture import Mixture
from medllm.data.pack import Row
from medllm.data.preparation import Preparation
from medllm.data.progress import Progress
from medllm.data.source import text
from medllm.data.source.read import Source

REPEATS = 8
COPIES = 4  # of the books, so that what is done once per part does not weigh
PIECE = 800  # characters of a document
SEQ_LEN = 1024


def main(shared: Path) -> None:
    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        tokenising(shared, folder)
        packing()
        reading(shared, folder)


def tokenising(shared: Path, folder: Path) -> None:
    """The tokenizers library's bare batch, and all that `medllm prepare` does from text to ids."""
    tokenizer, documents = _tokenizer(shared), _documents(shared)
    corpus = _corpus(documents, folder)
    core = tokenizer.backend_tokenizer
    bare = partial(core.encode_batch_fast, documents, add_special_tokens=False)
    plain = datasets.Dataset.from_dict({"text": documents})

    def mapped() -> None:
        plain.map(
            lambda batch: tokenizer(batch["text"], add_special_tokens=False),
            batched=True,
            load_from_cache_file=False,
        )

    def ours() -> Path:
        work = Path(tempfile.mkdtemp(dir=folder))
        write_tokens.write(corpus, tokenizer, work, has_patient_data=False, advance=lambda _: None)
        return work

    expected = [[*e.ids, tokenizer.eos_token_id] for e in bare()]
    if tokenizer.bos_token_id is not None:
        expected = [[tokenizer.bos_token_id, *ids] for ids in expected]
    stored = np.fromfile(ours() / "ids.bin", np.uint16)
    assert stored.tolist() == [id for ids in expected for id in ids]
    size = sum(len(document.encode()) for document in documents) / 1e6
    a, b, c = least(bare, ours, mapped)
    print(f"tokenise + store, {size:.1f} MB of Chinese books, {len(stored):,} tokens")
    print(f"  tokenizers encode_batch_fast  {size / a:6.2f} MB/s")
    print(f"  medllm, from corpus to ids    {size / b:6.2f} MB/s   {a / b:.2f} x")
    print(f"  datasets.map                  {size / c:6.2f} MB/s   ours {c / b:.2f} x")


def packing(count: int = 200_000) -> None:
    """Best-fit decreasing of `count` examples with log-normal lengths into rows of 2,048."""
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.lognormal(5.5, 1.0, count).astype(np.int64), 8, 2048)
    stops = np.cumsum(lengths)
    data = datasets.Dataset.from_dict({"input_ids": [list(range(n)) for n in lengths.tolist()]})
    ours = partial(pack.whole, stops - lengths, stops, seq_len=2048)
    theirs = partial(pack_dataset, data, seq_length=2048, strategy="bfd")
    plan = ours()  # compiled before it is timed
    assert sorted(plan.starts.tolist()) == (stops - lengths).tolist()
    filled = lengths.sum() / (2048 * (len(plan.borders) - 1))
    a, b = least(theirs, ours)
    print(f"packing {count:,} examples into rows of 2048")
    print(f"  TRL bfd   {count / a:12,.0f} examples/s, {len(theirs()):,} rows")
    print(
        f"  medllm    {count / b:12,.0f} examples/s, {len(plan.borders) - 1:,} rows,"
        f" efficiency {filled:.4f}   {a / b:.0f} x"
    )


def reading(shared: Path, folder: Path) -> None:
    """Random rows of 1,024 tokens: their ids, targets and positions."""
    source = _source(folder)
    mixture = Mixture(
        sources={"books": source},
        seq_len=SEQ_LEN,
        packing="cut",
        mix_unit="row",
        mix=mix.all_once,
        heldout={},
    )
    store = mixture.stores(_tokenizer(shared), folder / "stores", progress=False)["books"]
    rows = [store.entry(n) for n in range(len(store))]
    columns = {name: [row[i].tolist() for row in rows] for i, name in enumerate(Row._fields)}
    both = datasets.Dataset.from_dict(columns).with_format("torch")
    ids = both.select_columns(["ids"])
    order = np.random.default_rng(0).integers(len(store), size=4000).tolist()
    for n in order[:50]:
        assert [both[n][name].tolist() for name in Row._fields] == [a.tolist() for a in rows[n]]
    a, b, c = least(
        lambda: [both[n] for n in order],
        lambda: [ids[n] for n in order],
        lambda: [store.entry(n) for n in order],
    )
    print(f"reading random rows of {SEQ_LEN} tokens, {len(store):,} in the store")
    print(f"  datasets, torch format, the same three arrays  {len(order) / a:9,.0f} rows/s")
    print(f"  datasets, torch format, ids alone              {len(order) / b:9,.0f} rows/s")
    print(
        f"  medllm, ids, targets and positions             {len(order) / c:9,.0f} rows/s"
        f"   {a / c:.1f} x and {b / c:.1f} x"
    )


def least(*jobs: Callable[[], object]) -> list[float]:
    """CPU-seconds of each, all threads; they take turns, and the least of `REPEATS` counts."""
    spent: list[list[float]] = [[] for _ in jobs]
    for _ in range(REPEATS):
        for job, seconds in zip(jobs, spent, strict=True):
            started = time.process_time()
            job()
            seconds.append(time.process_time() - started)
    return [min(seconds) for seconds in spent]


def _tokenizer(shared: Path):
    return AutoTokenizer.from_pretrained(shared / "tokenizer/minimind")


def _documents(shared: Path) -> list[str]:
    files = sorted((shared / "text/zh/tcm_books").glob("*.txt"))
    books = [file.read_text("gb18030") for file in files]
    return [
        piece
        for book in books * COPIES
        for start, stop in pairwise([*range(0, len(book), PIECE), len(book)])
        if (piece := book[start:stop].strip())
    ]


def _source(folder: Path) -> Source:
    return Source(
        files=str(folder / "books.jsonl"),
        format="jsonl",
        encoding="utf-8",
        to_example=partial(text.document, text="text"),
        limit=None,
        has_patient_data=False,
    )


def _corpus(documents: list[str], folder: Path):
    datasets.Dataset.from_dict({"text": documents}).to_json(
        folder / "books.jsonl", force_ascii=False
    )
    return corpus_of(
        _source(folder),
        name="books",
        folder=folder / "stores",
        preparation=Preparation(workers=1),
        progress=Progress(is_shown=False),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
