"""What counts as a match, on questions made for it. 32 characters are 20 runs of 13."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medllm.data.contamination.gate import Contamination
from medllm.data.preparation import WORTH_IT
from medllm.errors import ConfigError
from medllm.types import Question

GATE = Contamination(benchmarks=["exam"], characters=13, words=13, near=0.35, drop="any")
LONG = Question(
    "q/1",
    "患者女性，六十二岁，反复胸痛三天，心电图示下壁心肌梗死，首选的治疗措施是",
    {"A": "静脉溶栓", "B": "急诊介入治疗", "C": "口服阿司匹林", "D": "卧床休息"},
    "B",
    "急性下壁心肌梗死发病时间短者应当尽快开通梗死相关的冠状动脉，介入优于溶栓。",
)
SHORT = Question(
    "q/2",
    "道地药材川芎产于",
    {"A": "四川", "B": "云南省文山", "C": "浙江省杭州", "D": "河南省焦作"},
    "A",
)
ENGLISH = Question(
    "q/3",
    "A 52-year-old man comes to the physician because of a painless swelling of the right testis "
    "that he noticed two weeks ago while showering. What is the best next step?",
    {"A": "Scrotal ultrasound", "B": "Needle biopsy", "C": "Observation"},
    "A",
)
OPEN = Question(
    "q/4", "痛风病人可以喝啤酒吗", {}, "", "不可以，啤酒里嘌呤的含量很高，会使痛风发作。"
)
BEFORE, AFTER = "今天天气很好，我们去公园里散步。", "后来大家一起回家吃了晚饭，谁也没有再提这件事。"


def matches(texts, *questions, gate=GATE, workers=1, memory=1 << 30):
    return gate.matches(texts, {"exam": questions}, workers=workers, memory=memory)


def match(text, question, **how):
    """Kind and overlap of the match in a text, which stands among other words; None if none."""
    found = matches([f"{BEFORE}\n{text}\n{AFTER}"], question, **how)
    assert len(found) < 2
    return (found[0].kind, found[0].overlap) if found else None


def copy(question, *, marks="ABCD"):
    options = "\n".join(f"{m}. {t}" for m, t in zip(marks, question.options.values(), strict=False))
    return f"{question.text}\n{options}"


def test_a_match_names_the_question_and_shows_nothing_of_the_text():
    found = matches([BEFORE, f"{LONG.text}？不知道。"], SHORT, LONG)
    assert [(m.example, m.benchmark, m.question) for m in found] == [(1, "exam", "q/1")]
    assert (found[0].kind, found[0].overlap, found[0].excerpt) == ("question", 1.0, LONG.text)


@pytest.mark.parametrize(("characters", "expected"), [(32, 1.0), (25, 0.65), (18, 0.3), (17, None)])
def test_a_part_of_a_stem_counts_from_three_tenths_of_its_runs(characters, expected):
    """32 characters are 20 runs, 25 are 13, 18 are 6; 17 are 5, a quarter, which laws share."""
    stem = LONG.text.replace("，", "")
    found = match(stem[:characters], LONG)
    assert found == (expected and ("question", expected))


@pytest.mark.parametrize(
    "text",
    [
        LONG.text.replace("，", " "),
        LONG.text.replace("，", ",\n"),
        "患者女性，六十二歲，反復胸痛三天，心電圖示下壁心肌梗死，首選的治療措施是",
        LONG.text.replace("三天", "四天"),
        LONG.text.replace("六十二", "62").replace("患者", "病人"),
        "反复胸痛三天，患者女性，六十二岁，心电图示下壁心肌梗死，应首选的治疗措施是",
    ],
    ids=["spaces", "lines", "traditional", "a day", "a number and a word", "turned round"],
)
def test_a_stem_is_found_under_small_edits(text):
    assert match(text, LONG) is not None


def test_near_of_1_finds_only_copies_word_for_word():
    """13 of 28 shingles stand, and 1 of 20 runs."""
    edited = "患者，女性，六十岁，反复胸痛三天，心电图示下壁的心肌梗死，首选治疗措施是"
    assert match(edited, LONG) is not None
    assert match(edited, LONG, gate=replace(GATE, near=1.0)) is None


def test_another_question_about_the_same_is_no_match():
    assert match("患者男性，五十岁，心电图示下壁心肌梗死，查体可见的体征是", LONG) is None


def test_a_short_stem_counts_only_with_its_options():
    assert match(SHORT.text, SHORT) is None
    assert match(copy(SHORT), SHORT) == ("answer", 1.0)


def test_options_may_come_in_another_order():
    turned = replace(SHORT, options=dict(reversed(SHORT.options.items())))
    assert match(copy(turned), SHORT) is not None
    assert match(copy(turned, marks="①②③④"), SHORT) is not None


def test_options_with_another_stem_are_no_match():
    """Several questions of an exam share one set of options."""
    assert match(copy(replace(SHORT, text="三七的主要产地在")), SHORT) is None


def test_a_phrase_of_more_than_three_questions_belongs_to_none():
    """The law is 21 characters, 9 runs of 13; each stem has 28 characters, 16 runs."""
    law = "中华人民共和国药品管理法实施条例规定的药品"
    ends = ["不得出口的共有", "召回时应当通知", "运输途中须冷藏", "说明书要标明何"]
    asked = [Question(f"q/{n}", law + end) for n, end in enumerate(ends)]
    assert [m.overlap for m in matches([law], *asked[:3])] == [0.562] * 3
    assert matches([law], *asked) == []
    assert [m.question for m in matches([law + ends[2]], *asked)] == ["q/2"]


@pytest.mark.parametrize(
    "told",
    [
        "应当选择急诊介入治疗。",
        "答案：B",
        "故选Ｂ。",
        LONG.reference[10:],
    ],
    ids=["option", "letter", "chosen", "explanation"],
)
def test_the_answer_near_the_question_makes_it_worse(told):
    assert match(f"{LONG.text}？{told}", LONG) == ("answer", 1.0)


@pytest.mark.parametrize(
    "told", ["答案：A", "应当静脉溶栓。", "答案：BC", "很久以后，" * 40 + "急诊介入治疗。"],
    ids=["another letter", "another option", "more letters", "far away"],
)  # fmt: skip
def test_a_question_without_its_answer_is_only_a_question(told):
    assert match(f"{LONG.text}？{told}", LONG) == ("question", 1.0)


def test_what_the_stem_says_itself_is_no_answer():
    asked = replace(LONG, options={"A": "心肌梗死", "B": "心肌炎"}, answer="A", reference="")
    assert match(LONG.text, asked) == ("question", 1.0)


def test_an_english_question_is_found_by_its_words():
    """32 words are 20 runs of 13; without the last six 14."""
    assert match(ENGLISH.text.upper(), ENGLISH) == ("question", 1.0)
    assert match(ENGLISH.text[: ENGLISH.text.index("What")], ENGLISH) == ("question", 0.7)
    assert match(ENGLISH.text.replace("52", "47").replace("two", "3"), ENGLISH) is not None
    assert match("A 52-year-old man comes to the physician because of a cough.", ENGLISH) is None


@pytest.mark.parametrize("told", ["The answer is A.", "Answer: OPTION A IS CORRECT"])
def test_an_english_answer_may_be_a_letter(told):
    assert match(f"{ENGLISH.text} {told}", ENGLISH) == ("answer", 1.0)
    assert match(f"{ENGLISH.text} {told.replace('A.', 'B.').replace('N A', 'N B')}", ENGLISH) == (
        "question",
        1.0,
    )


def test_an_open_question_is_given_away_by_its_reference():
    assert match(f"问：{OPEN.text}？答：{OPEN.reference}", OPEN) == ("answer", 1.0)
    assert match(f"问：{OPEN.text}？", OPEN) == ("question", 1.0)


def test_each_benchmark_finds_its_own_though_they_share_their_questions():
    found = GATE.matches([LONG.text], {name: [LONG] for name in "abcde"}, workers=1, memory=1 << 30)
    assert [m.benchmark for m in found] == list("abcde")


def test_a_question_in_the_middle_of_an_endless_line_is_found():
    """In pieces of 65,536 characters, 4 x (question and reference) + 1,000 of them shared."""
    line = BEFORE * 20_000
    for at in (0, 64_000, 65_520, 130_000, len(line)):
        text = line[:at] + copy(LONG) + line[at:]
        assert [m.kind for m in matches([BEFORE, text], LONG, memory=1)] == ["answer"]


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(8)), st.integers(1, 1 << 24))
def test_neither_order_nor_memory_changes_what_is_found(order, memory):
    texts = [BEFORE, copy(LONG), copy(SHORT), AFTER, ENGLISH.text, LONG.text[:24], "", OPEN.text]
    questions = [LONG, SHORT, ENGLISH, OPEN]
    expected = {(m.example, m.question, m.kind, m.overlap) for m in matches(texts, *questions)}
    found = matches([texts[n] for n in order], *questions, memory=memory)
    assert {(order[m.example], m.question, m.kind, m.overlap) for m in found} == expected
    assert {example for example, *_ in expected} == {1, 2, 4, 5, 7}


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_the_overlap_is_that_of_counting_by_hand(data):
    """A stem of few letters in a text made of its pieces: every run compared with every run."""
    letters = "心肝脾肺肾胃胆肠"
    stem = data.draw(st.text(letters, min_size=20, max_size=30))
    cuts = st.tuples(st.integers(0, 20), st.integers(0, 30))
    parts = [stem[a : a + b] for a, b in data.draw(st.lists(cuts, max_size=3))]
    text = "".join(part + data.draw(st.text("手足眼耳", max_size=3)) for part in parts)
    runs = {stem[at : at + 13] for at in range(len(stem) - 12)}
    share = sum(run in text for run in runs) / len(runs)
    found = matches([text], Question("q", stem), gate=replace(GATE, near=1.0))
    if share >= 0.3:
        assert [m.overlap for m in found] == [round(share, 3)]
    elif found:  # all its shingles stand there, though its runs do not
        assert found[0].overlap == 1.0


@pytest.mark.slow
def test_workers_do_not_change_what_is_found():
    """As many characters as make it worth starting them."""
    rng = random.Random(0)
    texts = [BEFORE * 2_000 for _ in range(WORTH_IT // len(BEFORE * 2_000) + 20)]
    for question in (LONG, ENGLISH, SHORT):
        texts.insert(rng.randrange(len(texts)), copy(question))
    questions = [LONG, SHORT, ENGLISH]
    one, two = (matches(texts, *questions, workers=n) for n in (1, 2))
    assert one == two
    assert len(one) == 3


@pytest.mark.parametrize(("drop", "expected"), [("any", {0, 1}), ("answer", {0}), ("none", set())])
def test_what_is_dropped(drop, expected):
    gate = replace(GATE, drop=drop)
    assert gate.dropped(matches([copy(LONG), LONG.text, BEFORE], LONG, gate=gate)) == expected


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"characters": 8}, r"data.contamination.characters=8 must be at least 10"),
        ({"words": 5}, r"data.contamination.words=5 must be at least 6"),
        ({"near": 0.0}, r"data.contamination.near=0.0 is a share, above 0 and up to 1"),
    ],
)
def test_a_gate_that_cannot_work_is_refused(wrong, message):
    with pytest.raises(ConfigError, match=message):
        replace(GATE, **wrong)
