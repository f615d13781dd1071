"""The presets of conf/data/clean, as a source takes them, on real files."""

import csv
import functools
import json
from collections import Counter

import hydra
import pytest

from medllm import config
from medllm.types import Conversation, Document, Turn

GROUP = config.CONF / "data/clean"
NAMES = sorted(file.stem for file in GROUP.glob("*.yaml"))


@functools.cache
def preset(name):
    with hydra.initialize_config_dir(str(GROUP), version_base="1.3"):
        steps = config.instantiate(hydra.compose(name))
    return steps["alter"], steps["keep"]


def cleaned(text, name):
    for step in preset(name)[0].values():
        text = step(text)
    return text


def refused(examples, name):
    """Step to number of examples that it is the first to refuse."""
    alter, keep = preset(name)
    counts = Counter()
    for example in examples:
        texts = [turn.text for turn in example.turns]
        for step in alter.values():
            texts = [step(text) for text in texts]
        turns = zip((turn.role for turn in example.turns), texts, strict=True)
        example = Conversation(example.id, tuple(Turn(*turn) for turn in turns))
        counts.update([step for step, kept in keep.items() if kept(example) is not True][:1])
    return counts


def test_the_presets_are_found():
    assert NAMES == [
        "books",
        "chinese_dialogue",
        "chinese_text",
        "english_dialogue",
        "english_text",
        "none",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_binds_to_a_source_of_a_run(name):
    preset = f"+data/clean@data.sources.general={name}"
    config.check(config.compose("train", ["experiments=world/base", preset]), "train")


@pytest.mark.parametrize("name", NAMES)
def test_every_step_takes_what_its_preset_gives(name):
    alter, keep = preset(name)
    assert all(step("") == "" for step in alter.values())
    verdicts = [step(Document("x", "")) for step in keep.values()]
    assert all(verdict is True or verdict[0] is False for verdict in verdicts)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("上一篇：高血压的饮食", "chinese_text"),
        ("责任编辑：小王", "chinese_text"),
        ("Copyright © 2012 某某健康网 版权所有 京ICP备05067984号", "chinese_text"),
        ("扫描下方二维码关注公众号", "chinese_text"),
        ("本站使用Cookies以改善体验", "chinese_text"),
        ("点击查看更多>>", "chinese_text"),
        ("来源：39健康网", "chinese_text"),
        ("We use cookies to improve your experience on our website.", "english_text"),
        ("Accept all cookies", "english_text"),
        ("© 2012 Some Clinic. All rights reserved.", "english_text"),
        ("Read more »", "english_text"),
        ("- 12 -", "books"),
        ("第 12 页", "books"),
    ],
)
def test_a_line_that_is_no_content_goes(line, name):
    text = "糖尿病是代谢病。" if name != "english_text" else "Diabetes is a disease."
    assert cleaned(f"{text}\n{line}\n{text[::-1]}", name) == f"{text}\n{text[::-1]}"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("来源：豆科植物甘草的干燥根及根茎", "chinese_text"),
        ("了解更多糖尿病知识，可以帮助您控制血糖。", "chinese_text"),
        ("避免未经授权的用户访问病历。", "chinese_dialogue"),
        ("点击头像可以换肤，关注血糖变化。", "chinese_dialogue"),
        ("Use two cookies of butter as a snack.", "english_dialogue"),
        ("Follow this diet for two weeks.", "english_dialogue"),
        ("2.1", "books"),
    ],
)
def test_a_line_of_content_stays(line, name):
    assert cleaned(line, name) == line


@pytest.mark.data
def test_little_of_a_real_dialogue_corpus_is_dropped(shared_data):
    """Of 1,000: 25 replies end in a comma, 7 say the same sentence again and again."""
    with open(shared_data / "dialogue/toyhom/内科.csv", encoding="gb18030") as file:
        rows = list(csv.DictReader(file))[-1000:]
    examples = [
        Conversation(str(n), (Turn("user", row["ask"]), Turn("assistant", row["answer"])))
        for n, row in enumerate(rows)
    ]
    assert refused(examples, "chinese_dialogue") == {"complete": 25, "repeated_ngrams": 7}


@pytest.mark.data
def test_nothing_of_a_real_english_dialogue_corpus_is_dropped(shared_data):
    rows = json.loads((shared_data / "dialogue/chatdoctor/chatdoctor5k.json").read_text("utf-8"))[
        :500
    ]
    examples = [
        Conversation(str(n), (Turn("user", row["input"]), Turn("assistant", row["output"])))
        for n, row in enumerate(rows)
    ]
    assert refused(examples, "english_dialogue") == {}
