"""The configured sources against the real files; counts are those of ../shared/data/README.md."""

from collections import Counter
from dataclasses import replace

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from medllm.data.build import build_or_open
from medllm.data.source.read import Quarantine
from medllm.data.tokenise import tokenise
from tests.conftest import REPO

pytestmark = pytest.mark.data


def source(name, corpora):
    node = OmegaConf.load(REPO / f"conf/data/source/{name}.yaml")
    cfg = OmegaConf.create({"paths": {"corpora": str(corpora)}, "source": node})
    return instantiate(cfg.source, _convert_="all")


def read(name, corpora):
    quarantine = Quarantine()
    return list(source(name, corpora).examples(quarantine)), quarantine


@pytest.mark.parametrize(
    ("name", "count", "rejected"),
    [
        ("cmexam", 2_300, 0),
        ("cmexam_explanations", 1_941, 359),  # 359 of 2,300 explanations are "nan"
        ("toyhom", 3_800, 0),
        ("bentsao", 4_200, 0),
        ("medicalgpt_medical", 60, 0),
        ("tcm_books", 11, 0),
    ],
)
def test_every_record_is_read_or_counted(shared_data, name, count, rejected):
    examples, quarantine = read(name, shared_data)
    assert (len(examples), len(quarantine)) == (count, rejected)
    assert max(Counter(example.id for example in examples).values()) == 1


def test_gb18030_books_are_read_as_chinese(shared_data):
    books, _ = read("tcm_books", shared_data)
    assert books[-1].id == "457-伤寒论/1"
    assert books[-1].text.startswith("<篇名>伤寒论\n书名：伤寒论\n作者：张仲景")


def test_a_real_question_is_put_as_it_will_be_examined(shared_data):
    lessons, _ = read("cmexam", shared_data)
    asked, replied = lessons[0].turns
    assert asked.text.startswith("根据《互联网药品交易服务审批暂行规定》")
    assert "\nA. 具有与设立药品批发企业一致的条件\nB. " in asked.text
    assert asked.text.endswith("\n答案：")
    assert replied.text == "A"


def test_a_real_pair_prefers_the_doctor(shared_data):
    pairs, _ = read("medicalgpt_medical", shared_data)
    assert pairs[0].prompt[0].text == "肛门病变可能是什么疾病的症状?"
    assert pairs[0].chosen == "食管克罗恩病"


def test_real_books_lose_less_than_a_row(shared_data, tmp_path, tokenizer):
    books = replace(source("tcm_books", shared_data), limit=2)
    store = build_or_open(
        books,
        name="books",
        tokenizer=tokenizer,
        seq_len=512,
        packing="cut",
        unit="row",
        folder=tmp_path,
        progress=False,
    )
    tokens = sum(len(tokenise(book, tokenizer).ids) for book in books.examples(Quarantine()))
    assert set(store.lengths) == {512}
    assert store.manifest["dropped_tail_tokens"] == tokens - 512 * len(store) < 512
