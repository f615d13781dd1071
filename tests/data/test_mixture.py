"""From sources to the rows of a run."""

from functools import partial

import numpy as np
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from medllm.data import mix
from medllm.data.mixture import Mixture
from medllm.data.steps import Layout, Steps
from medllm.errors import ConfigError
from tests.data import corpora

QUOTA = partial(mix.quota, weights={"books": 3, "general": 1}, anchor="books")
TALK = [(f"{n}?", "no " * (n % 4 + 1)) for n in range(20)]


def mixture(sources, mixer, *, packing="cut", mix_unit="row"):
    return Mixture(
        sources=sources, seq_len=32, packing=packing, mix_unit=mix_unit, mix=mixer, heldout={}
    )


@pytest.fixture
def texts(tmp_path):
    return {
        "books": corpora.documents(tmp_path, "books", ["the fever of the patient " * 40] * 3),
        "general": corpora.documents(tmp_path, "general", ["a town by a river " * 30] * 2),
    }


def test_quota_holds_by_tokens_in_every_global_batch(texts, tmp_path, tokenizer):
    """3:1 in batches of 8 rows of 32 tokens: 192 and 64 tokens, in the last batch too."""
    made = mixture(texts, QUOTA)
    stores = made.stores(tokenizer, tmp_path, progress=False)
    rows = made.rows(stores, epochs=2, seed=0)
    steps = Steps(stores, rows, global_batch=8, layout=Layout(0, 1, 8, 1), pad_id=0)
    assert steps.steps > 2
    *full, last = steps
    for batch in full:
        assert batch.ids.shape == (8, 32)
        assert np.bincount(batch.sources.flatten()).tolist() == [192, 64]
    counts = np.bincount(last.sources[last.sources >= 0])
    assert counts[0] == 3 * counts[1]


def test_epochs_are_joined_before_they_are_cut_into_batches(tmp_path, tokenizer):
    """20 rows, 2 epochs, batches of 8: 40 rows make 5 full steps, not twice 3."""
    made = mixture(
        {"talk": corpora.dialogues(tmp_path, "talk", TALK)}, mix.all_once, packing="none"
    )
    stores = made.stores(tokenizer, tmp_path, progress=False)
    rows = made.rows(stores, epochs=2, seed=0)
    steps = Steps(stores, rows, global_batch=8, layout=Layout(0, 1, 8, 1), pad_id=0)
    assert steps.steps == 5
    assert all((batch.sources[:, 0] == 0).all() for batch in steps)


def test_examples_are_packed_in_the_order_they_were_mixed(tmp_path, tokenizer):
    sources = {
        "early": corpora.dialogues(tmp_path, "early", TALK),
        "late": corpora.dialogues(tmp_path, "late", TALK[:10]),
    }
    mixer = partial(
        mix.priority, priorities={"early": 1e6, "late": 1}, repeats=dict.fromkeys(sources, 1)
    )
    made = mixture(sources, mixer, packing="whole", mix_unit="example")
    stores = made.stores(tokenizer, tmp_path, progress=False)
    rows = made.rows(stores, epochs=1, seed=0)
    assert rows.entries[:, 0].tolist() == [0] * 20 + [1] * 10
    assert rows.borders[-1] == 30
    assert 2 < len(rows.borders) - 1 < 30
    for start, stop in zip(rows.borders[:-1], rows.borders[1:], strict=True):
        entries = rows.entries[start:stop]
        tokens = [list(stores.values())[source].lengths[entry] for source, entry in entries]
        assert sum(tokens) <= 32


def test_hydra_makes_a_mixture(tmp_path, tokenizer):
    (tmp_path / "books.jsonl").write_text('{"text": "a fever and a cough and a drug"}\n')
    cfg = OmegaConf.create(
        {
            "_target_": "medllm.data.mixture.Mixture",
            "sources": {
                "books": {
                    "_target_": "medllm.data.source.read.Source",
                    "files": str(tmp_path / "*.jsonl"),
                    "format": "jsonl",
                    "encoding": "utf-8",
                    "to_example": {
                        "_target_": "medllm.data.source.text.document",
                        "_partial_": True,
                        "text": "text",
                    },
                    "limit": None,
                    "has_patient_data": False,
                }
            },
            "seq_len": 8,
            "packing": "cut",
            "mix_unit": "row",
            "mix": {
                "_target_": "medllm.data.mix.quota",
                "_partial_": True,
                "weights": {"books": 1},
                "anchor": "books",
            },
            "heldout": {},
        }
    )
    made = instantiate(cfg, _convert_="all")
    stores = made.stores(tokenizer, tmp_path, progress=False)
    assert len(made.rows(stores, epochs=3, seed=1).entries) == 3 * len(stores["books"])


def test_a_batch_that_breaks_the_weights_names_the_nearest_that_do_not(texts):
    (problem,) = mixture(texts, QUOTA).check(10)
    assert problem == (
        "stage.global_batch=10 is not a multiple of the 4 rows of mix.weights 3:1; use 8 or 12"
    )
    assert mixture(texts, QUOTA).check(8) == []


def test_a_batch_smaller_than_a_block_has_one_nearest(texts):
    (problem,) = mixture(texts, QUOTA).check(3)
    assert problem.endswith("use 4")


def test_weights_need_full_rows(texts, tmp_path, tokenizer):
    with pytest.raises(ConfigError, match="packing=whole and mix_unit=row must be cut and row"):
        mixture(texts, QUOTA, packing="whole").stores(tokenizer, tmp_path)


def test_examples_cannot_be_cut_after_mixing(texts, tmp_path, tokenizer):
    with pytest.raises(ConfigError, match="mix_unit=example cannot be cut; use"):
        mixture(texts, mix.all_once, mix_unit="example").stores(tokenizer, tmp_path)


def test_pairs_and_texts_do_not_mix(texts, tmp_path, tokenizer):
    sources = texts | {"pairs": corpora.pairs(tmp_path, "pairs", [("yes", "no")])}
    with pytest.raises(ConfigError, match="only pairs hold preference pairs"):
        mixture(sources, mix.all_once, packing="none").stores(tokenizer, tmp_path, progress=False)


def test_weights_must_name_the_sources_and_this_is_known_before_anything_is_read(texts):
    mixer = partial(mix.quota, weights={"books": 3, "web": 1}, anchor="books")
    (problem,) = mixture(texts, mixer).check()
    assert problem == "mix.weights names books, web; the sources are books, general"
