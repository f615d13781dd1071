"""The mixtures of the four papers, made from the real files that stand for theirs."""

from dataclasses import replace

import pytest

from medllm import config
from medllm.data import mix
from medllm.data.mixture import Mixture

pytestmark = pytest.mark.data

PAPERS = {
    "qilin_sft": {
        "alpaca": 520,
        "belle": 600,
        "sharegpt": 218,
        "explanations": 1_941,
        "consultations": 3_800,
        "dialogues": 572,
    },
    "qilin_dpo": {"rankings": 299, "doctors": 60},
    "pmc_llama_instruct": {
        "chatdoctor": 1_600,
        "medalpaca": 1_400,
        "medqa": 480,
        "medmcqa": 1_500,
        "medmcqa_explained": 800,
        "pubmedqa": 380,
        "liveqa": 712,
        "medication_qa": 400,
        "umls": 581,
        "umls_relation": 5_868,
    },
    "huatuo2": {
        "web_cn": 2_432,
        "web_en": 1_400,
        "literature_cn": 600,
        "literature_en": 380,
        "encyclopedia_cn": 458,
        "encyclopedia_en": 712,
        "books_cn": 1_113,
        "books_en": 1_007,
        "conversations": 650,
    },
    "bentsao_knowledge": {"knowledge": 4_200},
    "bentsao_literature": {"literature": 600},
    "bentsao": {"knowledge": 4_200, "literature": 600},
}


def mixture(name, corpora, *overrides) -> Mixture:
    chosen = ["experiments=world/base", f"data={name}", f"paths.corpora={corpora}", *overrides]
    made = config.instantiate(config.compose("train", chosen).data)
    # What is compared with other texts and exams is counted in test_prepare_papers.
    return replace(made, near=None, exact=None, contamination=None)


@pytest.mark.parametrize("name", PAPERS)
def test_it_is_made_from_the_first_records_of_every_source(shared_data, tmp_path, tokenizer, name):
    first = [f"data.sources.{source}.limit=12" for source in PAPERS[name]]
    made = mixture(name, shared_data, *first)
    stores = made.stores(tokenizer, tmp_path, progress=False)
    assert stores.keys() == PAPERS[name].keys()
    assert all(len(store) for store in stores.values())
    rows = made.rows(stores, epochs=1, seed=0)
    assert len(rows) > 0


@pytest.mark.parametrize("name", PAPERS)
def test_no_file_is_both_trained_on_and_held_out(shared_data, name):
    made = mixture(name, shared_data)
    trained, heldout = (
        {path for source in sources.values() for path in source.paths()}
        for sources in (made.sources, made.heldout)
    )
    assert trained
    assert heldout
    assert not trained & heldout


def test_huatuogpt_2_begins_with_the_shares_of_its_paper(shared_data):
    """Of the web in Chinese 32 * 640,621 = 20,499,872 of 65,320,420 priorities: 0.314."""
    counts = {
        "web_cn": 640_621,
        "web_en": 394_490,
        "literature_cn": 177_261,
        "literature_en": 878_241,
        "encyclopedia_cn": 411_183,
        "encyclopedia_en": 147_059,
        "books_cn": 1_802_517,
        "books_en": 801_522,
        "conversations": 142_248,
    }
    given = mixture("huatuo2", shared_data).mix.keywords
    shares = mix.priority_share(counts, **given, at=0.0)
    assert {name: round(share, 3) for name, share in shares.items()} == {
        "web_cn": 0.314,
        "web_en": 0.193,
        "literature_cn": 0.043,
        "literature_en": 0.215,
        "encyclopedia_cn": 0.050,
        "encyclopedia_en": 0.018,
        "books_cn": 0.110,
        "books_en": 0.049,
        "conversations": 0.007,
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", PAPERS)
def test_it_holds_all_there_is(shared_data, tmp_path, tokenizer, name):
    """In rows that no example is too long for: the tiny tokenizer takes three for a character."""
    made = mixture(name, shared_data, "data.seq_len=100000")
    stores = made.stores(tokenizer, tmp_path, progress=False)
    assert {name: store.manifest["examples"] for name, store in stores.items()} == PAPERS[name]
