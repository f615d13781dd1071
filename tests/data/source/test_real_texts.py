"""Texts, papers and graphs of ../shared/data through their sources, every record of them."""

import re
from collections import Counter
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from medllm import config
from medllm.data.cleaning import clean
from medllm.data.source import graph
from medllm.data.source.papers import jats
from medllm.data.source.read import Quarantine
from medllm.types import Conversation, Document
from tests.conftest import REPO

pytestmark = pytest.mark.data

NO_ID = "the article has no PubMed Central id among its 'article-id'"
NO_SENTENCE = "has none of def, synonym, is_a"


def source(name, corpora, **change):
    node = OmegaConf.load(REPO / f"conf/data/source/{name}.yaml")
    cfg = OmegaConf.create({"paths": {"corpora": str(corpora)}, "source": node})
    made = instantiate(cfg.source, _convert_="all")
    return replace(made, **{"to_example": plain(made.to_example)} | change)


def plain(made):
    """Partials as Python's: Hydra 1.3.8 checks its policy at every call of its own, for 90 µs."""
    if not isinstance(made, partial):
        return made
    return partial(made.func, **{key: plain(value) for key, value in made.keywords.items()})


def read(name, corpora, **change):
    """Its examples as they are trained on, by id, and what is left out, by reason."""
    of, quarantine = source(name, corpora, **change), Quarantine()
    examples = [clean(of, example) for example in of.examples(quarantine)]
    assert not [each for each in examples if isinstance(each, tuple)], "alter leaves all of them"
    return examples, Counter(each.reason for each in quarantine.rejected)


@pytest.mark.parametrize(
    ("name", "kind", "count", "left_out"),
    [
        ("s2orc_parsed", Document, 4, {}),
        ("pmc_papers", Document, 5, {NO_ID: 16}),
        ("medline", Document, 70, {}),
        ("huatuo2_pubmed", Document, 180, {}),
        ("textbooks", Document, 52, {}),
        ("textbooks_cnxml", Document, 18, {}),
        ("textbooks_zh", Document, 11, {}),
        ("medquad", Conversation, 712, {}),
        ("medquad_entries", Document, 191, {}),
        ("en_wiki", Document, 18, {}),
        ("zh_wiki", Document, 376, {}),  # 256 + 120 articles, of one passage each
        ("xywy", Document, 60, {}),
        ("medical_spo", Document, 9_000, {}),
        ("umls", Document, 255, {}),  # subjects: 131 of train.txt, 124 of valid.txt
        ("umls_relations", Conversation, 5_868, {}),  # 5,216 + 652 triples
        ("disease_ontology", Document, 724, {"the term is obsolete": 1, NO_SENTENCE: 5}),
        ("disease_ontology_terms", Conversation, 581,
         {"the term is obsolete": 1, "has not all the relations of any form": 148}),
        ("chatdoctor_diseases", Document, 480, {}),
    ],
)  # fmt: skip
def test_every_record_is_read_or_counted(shared_data, name, kind, count, left_out):
    examples, reasons = read(name, shared_data)
    assert (len(examples), reasons) == (count, left_out)
    assert {type(example) for example in examples} == {kind}
    assert max(Counter(example.id for example in examples).values()) == 1


def by_id(examples):
    return {example.id: example for example in examples}


def test_plos_papers_are_read_where_no_id_is_asked_for(shared_data):
    every = partial(jats.article, pmc_only=False)
    papers, reasons = read("pmc_papers", shared_data, to_example=every)
    assert (len(papers), reasons) == (21, {})
    text = "\n".join(paper.text for paper in papers)
    assert "http" not in text
    assert text.count("[1]") == text.count("()") == text.count("[]") == 0


def test_a_paper_has_title_abstract_and_body_but_no_references(shared_data):
    papers, _ = read("pmc_papers", shared_data)
    lines = by_id(papers)["1471-2180-11-174.nxml/1"].text.split("\n")
    assert lines[:2] == [
        "Factors influencing lysis time stochasticity in bacteriophage λ",
        "Background",
    ]
    assert lines[2].startswith("Despite identical genotypes and seemingly uniform environments,")
    headings = [line for line in lines if len(line) < 40]
    assert headings[:8] == [
        "Background", "Results", "Conclusions", "Background", "Results",
        "Effect of late promoter pR' activity", "Effect of Host Growth Rates",
        "Effects of KCN Addition",
    ]  # fmt: skip
    assert headings[-1] == "Authors' contributions"


def test_citations_are_cut_out_of_parsed_papers_without_a_trace(shared_data):
    papers, _ = read("s2orc_parsed", shared_data)
    text = by_id(papers)["20190928/10002293/1"].text
    assert (
        "by a microbial infection in the root canal system. Microbial biofilms are considered"
        in text
    )
    assert "(Siqueira" not in text


def test_a_citation_keeps_the_labels_of_its_abstract(shared_data):
    citations, _ = read("medline", shared_data)
    lines = citations[0].text.split("\n")
    assert lines[0].startswith("Neuroplasticity in the processing of pitch dimensions: ")
    assert [line.split(":")[0] for line in lines[1:]] == [
        "PURPOSE", "METHODS", "RESULTS", "CONCLUSIONS",
    ]  # fmt: skip


def test_a_textbook_is_clean_and_whole(shared_data):
    modules, _ = read("textbooks", shared_data)
    text = "\n".join(module.text for module in modules)
    for unwanted in ("http", "()", "(see )", "Review Questions\n", "References\n", "Contributing"):
        assert unwanted not in text
    assert "visualize hard body structures such as teeth and bones. Like many forms" in text


def test_cnxml_tells_all_that_the_plain_text_tells(shared_data):
    """Every paragraph of the 18 modules that we have both ways, mentions and links aside."""
    told = by_id(read("textbooks_cnxml", shared_data)[0])
    for module in read("textbooks", shared_data)[0]:
        if module.id in told:
            words = Counter(told[module.id].text.split())
            lost = Counter(module.text.split()) - words
            assert sum(lost.values()) <= 0.02 * len(module.text.split()), (module.id, lost)


def test_a_classic_begins_with_its_title_and_runs_on(shared_data):
    books, _ = read("textbooks_zh", shared_data)
    assert by_id(books)["457-伤寒论/1"].text.startswith(
        "伤寒论\n辨太阳病脉证并治上\n1．太阳之为病，脉浮、头项强痛而恶寒。\n2．太阳病，"
    )


def test_an_entry_of_medquad(shared_data):
    entries, _ = read("medquad_entries", shared_data)
    text = by_id(entries)["1_CancerGov_QA/0000005_2/1"].text
    assert text.startswith("Anal Cancer\nHow to prevent Anal Cancer?\nKey Points\n- Avoiding risk")


def told_and_lost(of):
    """How many facts the sentences of a source tell, and those not found in its prose."""
    words = of.to_example.keywords
    options = {key: words[key] for key in ("sentences", "otherwise", "join")}
    told, lost = 0, []
    for file in of.paths():
        for line, record in of.records(file):
            try:
                (document,) = of.made(file, line, record)
            except ValueError:
                continue
            entity = words["entity"](record)
            told += sum(
                bool(options["sentences"].get(fact.relation, options["otherwise"]))
                for fact in entity.triples()
            )
            lost += graph.unfound(entity, document.text, **options)
    return told, lost


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("xywy", 2_873),
        ("medical_spo", 9_000),
        ("umls", 5_868),
        ("disease_ontology", 2_502),  # less an obsolete one: 581 def, 1,264 synonym, 657 is_a
        ("chatdoctor_diseases", 14_176),
    ],
)
def test_every_fact_of_a_graph_is_found_in_its_prose(shared_data, name, facts):
    assert told_and_lost(source(name, shared_data)) == (facts, [])


@pytest.mark.parametrize(
    "name", ["xywy", "umls", "disease_ontology", "chatdoctor_diseases", "xywy_lessons"]
)
def test_every_sentence_is_used(shared_data, name):
    """A misspelt relation would be told of nothing, in silence."""
    of = source(name, shared_data)
    words = of.to_example.keywords
    entities = [words["entity"](record) for file in of.paths() for _, record in of.records(file)
                if record.get("is_obsolete") is None]  # fmt: skip
    known = {fact.relation for entity in entities for fact in entity.triples()}
    forms = [form[part] for form in words.get("forms", []) for part in ("question", "answer")]
    named = {relation for form in forms for relation in re.findall(r"\{(\w+)\}", form)}
    assert words.get("sentences", {}).keys() | (named - {"name"}) <= known


def mixture(name, corpora):
    overrides = [f"data={name}", f"paths.corpora={corpora}"]
    return config.instantiate(config.compose("train", ["experiments=world/base", *overrides]).data)


@pytest.mark.parametrize("name", ["qilin_cpt", "pmc_llama_knowledge"])
def test_what_is_held_out_is_not_trained_on(shared_data, name):
    of = mixture(name, shared_data)
    trained = {path for source in of.sources.values() for path in source.paths()}
    held_out = {path for source in of.heldout.values() for path in source.paths()}
    assert len(held_out) >= 4
    assert not trained & held_out


def rows(of, tokenizer, folder):
    """Stores and order of few records in short rows: the tests' tokens are little but bytes."""
    few = {name: replace(source, limit=20) for name, source in of.sources.items()}
    apart = {"near": None, "exact": None, "contamination": None}
    small = replace(of, sources=few, seq_len=256, **apart)
    stores = small.stores(tokenizer, folder, progress=False)
    assert {length for store in stores.values() for length in store.lengths} == {256}
    return stores, small.rows(stores, epochs=1, seed=0).entries


def test_all_types_of_chimed_cpt_are_read_once(shared_data, tokenizer, tmp_path):
    stores, entries = rows(mixture("qilin_cpt", shared_data), tokenizer, tmp_path)
    assert list(stores) == [
        "huatuo26m", "cmexam", "textbooks", "triples", "xywy", "consultations", "dialogues",
    ]  # fmt: skip
    assert np.bincount(entries[:, 0]).tolist() == [len(store) for store in stores.values()]


def test_medc_k_holds_15_4_1_in_every_block_of_20(shared_data, tokenizer, tmp_path):
    stores, entries = rows(mixture("pmc_llama_knowledge", shared_data), tokenizer, tmp_path)
    assert list(stores) == ["books", "papers", "general"]
    for block in entries[:, 0].reshape(-1, 20):
        assert np.bincount(block).tolist() == [15, 4, 1]
