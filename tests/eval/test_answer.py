import time

import pytest

from medllm.eval.answer import explanation, read

LETTERS = "ABCDE"
WHY = "本题考查膜剂的成膜材料（C对）。聚山梨酯（A错）为表面活性剂，维生素B和DNA无关。"
WHY_ENGLISH = "A patient with hepatitis B should avoid it (A is wrong), and vitamin D does nothing."


@pytest.mark.parametrize(
    "reply",
    [
        "C",
        f"答案：C\n{WHY}",
        f"答案是C。{WHY}",
        f"{WHY}因此，答案为C。",
        f"正确选项是 C. 甘露醇。{WHY}",
        f"**C**\n{WHY}",
        f"**C** {WHY}",
        f"答案：**C**\n解释：{WHY}",
        f"答案: C 甘露醇. \n 解释:{WHY}",
        f"【答案】C\n【解析】{WHY}",
        f"{WHY}故选C。",
        f"正确答案应该是：（Ｃ）。{WHY}",
        f"C、甘露醇\n{WHY}",
        f"C 甘露醇\n{WHY}",
        f"答案选C项。{WHY}",
        f"答：C\n{WHY}",
        "A正确，B正确，C错误。故本题应选C。",
        f"本题选C，A项错误。{WHY}",
    ],
)
def test_a_right_answer_is_read_from_every_chinese_phrasing(reply):
    assert read(reply, LETTERS) == "C"


@pytest.mark.parametrize(
    "reply",
    [
        "C",
        "(C)",
        "C. mannitol",
        f"Answer: C\n{WHY_ENGLISH}",
        f"The answer is C. {WHY_ENGLISH}",
        f"The answer is C, A is wrong. {WHY_ENGLISH}",
        f"The answer is C because it is soluble. {WHY_ENGLISH}",
        f"{WHY_ENGLISH} Therefore, the answer is C.",
        f"The correct option is C. mannitol. {WHY_ENGLISH}",
        f"The correct answer is: **(C) mannitol**. {WHY_ENGLISH}",
        f"The best choice is option C. {WHY_ENGLISH}",
        f"**C**\n{WHY_ENGLISH}",
        f"**C** Mannitol is soluble. {WHY_ENGLISH}",
        f"I would choose C. {WHY_ENGLISH}",
    ],
)
def test_a_right_answer_is_read_from_every_english_phrasing(reply):
    assert read(reply, LETTERS) == "C"


@pytest.mark.parametrize(
    "reply",
    [
        "ABD",
        "DBA",
        "A、B和D",
        "A, B, D",
        "A，B，D。",
        "答案：ABD",
        "答案是A、B和D。",
        "答案为A、B、D选项。",
        "故选 A、B、D",
        "The answers are A, B, and D.",
        "The answers are A, B and D because of the rest.",
        "Answer: A, B, D\nA is right.",
        "**ABD**\n" + WHY,
        "答案是A、B、D三项。",
        "A、B、D三项正确。答案：ABD",
        "答案是A，B，D，C错误。",
        "The answers are A, B, D, C is wrong.",
        "答案：**A**、**B**和**D**",
        "The answers are **A**, **B** and **D**.",
    ],
)
def test_several_letters_are_read_sorted(reply):
    assert read(reply, LETTERS) == "ABD"


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "作为AI，我无法回答这个问题，请咨询医生。",
        "AI",
        "As an AI, I cannot answer medical questions.",
        "A doctor should be asked about this.",
        WHY,
        WHY_ENGLISH,
        "答案是A。再想一想，不对，答案是C。",
        "A\n因此，答案为C。",
        "答案是A或C。",
        "The answer is A or C.",
        "我不选A，也无法选择B。",
        "答案不是A。",
        "The answer is not A.",
        "Answer: A beta blocker.",
        "答案是B超检查。",
        "答案是DNA。",
        "答案是A、B超。",
        "答案是A，B超。",
        "A、B两个都行",
        "A, B are both fine",
        "A. 聚山梨酯\nB. 聚乙烯醇\nC. 甘露醇",
        "答案是F。",
    ],
)
def test_a_reply_that_settles_on_nothing_is_unreadable(reply):
    assert read(reply, LETTERS) is None


def test_the_letter_a_is_told_from_the_article():
    assert read("Answer: A because the others are wrong.", LETTERS) == "A"


@pytest.mark.parametrize(
    "babble",
    [
        "A",
        "A、",
        "A, and ",
        "A or ",
        "答案是A, ",
        "答案",
        "答案：",
        "A ",
        "( ",
        "选 ",
        "\n",
        "A\n",
        "answer ",
    ],
)
def test_babble_without_end_is_read_in_no_time(babble):
    start = time.perf_counter()
    read(babble * 5000, LETTERS)
    assert time.perf_counter() - start < 1


def test_only_letters_of_the_question_are_answers():
    assert read("答案：E", "ABCD") is None
    assert read("答案：E", "ABCDE") == "E"


@pytest.mark.parametrize(
    "reply",
    ["答案：C\n解释：可溶。", "答案：C\n**解析**：可溶。", "【答案】C\n【解析】可溶。", "可溶。"],
)
def test_the_explanation_stands_behind_its_label(reply):
    assert explanation(reply) == "可溶。"


def test_the_english_explanation_stands_behind_its_label():
    assert explanation("Answer: C\n**Explanation:** soluble.") == "soluble."
