"""What a mixture leaves out of its sources, step after step."""

import json
from dataclasses import replace

import numpy as np
import pytest

from medllm.data import mix
from medllm.data.contamination.gate import Contamination
from medllm.data.dedup.exact import Exact
from medllm.data.dedup.near import Near
from medllm.data.mixture import Mixture
from medllm.errors import ConfigError, DataError
from medllm.types import Question
from tests.data import corpora

LONG = "The patient came on a rainy Monday with a fever of three days and a dry cough at night."
STORY = "He had eaten nothing but rice, slept badly, and was afraid of the hospital and its smell."
OTHER = "Nobody in the village had ever heard of such a thing, and the doctor wrote it all down."
NEAR = Near(
    bands=32, rows=4, shingle=5, unit="character", jaccard=0.7, edit=0.8, shortest=1, seed=0
)
EXACT = Exact(window=20, keep="one", shortest=2)
EXAM = Question(
    id="exam/1",
    text="Which of the following drugs was the one that the village doctor gave to the shepherd?",
    options={"A": "aspirin", "B": "honey from the northern hills"},
    answer="B",
)
GATE = Contamination(benchmarks=["exam"], characters=13, words=8, near=0.8, drop="any")


def mixture(sources, **how):
    return Mixture(
        sources=sources,
        seq_len=64,
        packing="none",
        mix_unit="row",
        mix=mix.all_once,
        heldout={},
        **how,
    )


def texts(stores, tokenizer):
    return {
        name: [
            tokenizer.decode(store.entry(n).ids, skip_special_tokens=True)
            for n in range(len(store))
        ]
        for name, store in stores.items()
    }


@pytest.fixture
def sources(tmp_path):
    return {
        "books": corpora.documents(tmp_path, "books", [LONG, OTHER]),
        "web": corpora.documents(tmp_path, "web", [LONG.replace("Monday", "Sunday"), STORY]),
    }


def test_near_duplicates_are_left_out_across_sources(sources, tmp_path, tokenizer):
    made = mixture(sources, near=NEAR)
    stores = replace(made, seq_len=256).stores(tokenizer, tmp_path / "stores", progress=False)
    kept = [text for source in texts(stores, tokenizer).values() for text in source]
    assert sorted(kept) in (
        sorted([LONG, OTHER, STORY]),
        sorted([LONG.replace("Monday", "Sunday"), OTHER, STORY]),
    )
    (report,) = (tmp_path / "stores/removals").glob("near-*/near.json")
    said = json.loads(report.read_text())
    assert sum(said["dropped"].values()) == 1
    assert [group["size"] for group in said["largest_groups"]] == [2]


def test_a_stretch_that_stands_twice_is_left_out_once(tmp_path, tokenizer):
    common = "This page is for your information only and does not replace the advice of a doctor."
    sources = {
        "a": corpora.documents(tmp_path, "a", [f"{STORY} {common}"]),
        "b": corpora.documents(tmp_path, "b", [f"{common} {OTHER}"]),
    }
    made = replace(mixture(sources, exact=EXACT), seq_len=512)
    stores = made.stores(tokenizer, tmp_path / "stores", progress=False)
    kept = " ".join(text for source in texts(stores, tokenizer).values() for text in source)
    assert kept.count("does not replace the advice") == 1
    assert STORY[:60] in kept
    assert OTHER[-60:] in kept
    removed = [store.manifest["removed"]["tokens"] for store in stores.values()]
    assert min(removed) == 0
    assert max(removed) > 20


def test_what_gives_a_benchmark_away_is_left_out(sources, tmp_path, tokenizer):
    leak = f"{EXAM.text} It was B, honey from the northern hills."
    sources["leak"] = corpora.documents(tmp_path, "leak", [leak, STORY])
    made = replace(mixture(sources, contamination=GATE), seq_len=256)
    stores = made.stores(tokenizer, tmp_path / "stores", questions={"exam": [EXAM]}, progress=False)
    assert texts(stores, tokenizer)["leak"] == [STORY]
    assert [store.manifest["removed"]["examples"] for store in stores.values()] == [0, 0, 1]


def test_an_exact_copy_in_an_example_that_goes_anyway_does_not_count(tmp_path, tokenizer):
    """Both texts share STORY; the one that leaks the exam goes, so the other keeps all of it."""
    leak = f"{EXAM.text} It was B, honey from the northern hills. {STORY}"
    source = {"a": corpora.documents(tmp_path, "a", [leak, f"{OTHER} {STORY}"])}
    made = replace(mixture(source, contamination=GATE, exact=EXACT), seq_len=512)
    stores = made.stores(tokenizer, tmp_path / "s", questions={"exam": [EXAM]}, progress=False)
    assert texts(stores, tokenizer)["a"] == [f"{OTHER} {STORY}"]


def test_spans_are_found_where_they_stand_in_the_whole_stream(tmp_path, tokenizer):
    """An example before them is gone, so they move in what is compared but not in the store."""
    leak = f"{EXAM.text} It was B, honey from the northern hills."
    source = {"a": corpora.documents(tmp_path, "a", [leak, f"{OTHER} {STORY}", f"{LONG} {STORY}"])}
    made = replace(mixture(source, contamination=GATE, exact=EXACT), seq_len=512)
    stores = made.stores(tokenizer, tmp_path / "s", questions={"exam": [EXAM]}, progress=False)
    kept = texts(stores, tokenizer)["a"]
    assert sum(STORY[10:80] in text for text in kept) == 1
    assert OTHER[:80] in kept[0]
    assert any(LONG[:80] in text for text in kept)


def test_benchmarks_without_questions_are_refused(sources, tmp_path, tokenizer):
    with pytest.raises(ConfigError, match=r"data.contamination.benchmarks: no questions of exam"):
        mixture(sources, contamination=GATE).stores(tokenizer, tmp_path / "s", progress=False)


def test_conversations_are_not_cut_for_repeats(tmp_path, tokenizer):
    talk = {"talk": corpora.dialogues(tmp_path, "talk", [("why?", "so")])}
    with pytest.raises(ConfigError, match=r"data.exact cuts pieces out of documents; talk hold"):
        mixture(talk, exact=EXACT).stores(tokenizer, tmp_path / "s", progress=False)


def test_what_was_found_is_not_sought_again(sources, tmp_path, tokenizer):
    made = mixture(sources, near=NEAR)
    first = made.stores(tokenizer, tmp_path / "s", progress=False)
    (report,) = (tmp_path / "s/removals").glob("near-*/near.json")
    before = report.stat().st_mtime_ns
    again = replace(made, packing="cut").stores(tokenizer, tmp_path / "s", progress=False)
    assert report.stat().st_mtime_ns == before
    assert again["books"].folder != first["books"].folder


def test_without_duplicates_nothing_changes(sources, tmp_path, tokenizer):
    plain = mixture({"books": sources["books"]})
    careful = replace(plain, near=NEAR, exact=EXACT)
    a, b = (m.stores(tokenizer, tmp_path / "s", progress=False)["books"] for m in (plain, careful))
    assert [a.entry(n).ids.tolist() for n in range(len(a))] == [
        b.entry(n).ids.tolist() for n in range(len(b))
    ]
    assert np.array_equal(a.learnt, b.learnt)


def test_a_source_of_which_nothing_is_left_names_what_took_it(tmp_path, tokenizer):
    leak = f"{EXAM.text} It was B, honey from the northern hills."
    made = mixture({"leak": corpora.documents(tmp_path, "leak", [leak])}, contamination=GATE)
    with pytest.raises(DataError, match=r"all 1 examples of .* are left out by contamination-"):
        made.stores(tokenizer, tmp_path / "s", questions={"exam": [EXAM]}, progress=False)


def test_what_the_tokenizer_refuses_takes_nobodys_place(tmp_path, tokenizer):
    """The longer of two that are nearly the same would stay, but spells out a control token."""
    talk = corpora.dialogues(tmp_path, "talk", [("why?", f"{LONG} <|end|>"), ("why?", LONG)])
    made = replace(mixture({"talk": talk}, near=NEAR), seq_len=256)
    store = made.stores(tokenizer, tmp_path / "s", progress=False)["talk"]
    assert (len(store), store.manifest["examples"]) == (1, 1)
    assert store.manifest["left_out"].keys() == {"tokenise"}
