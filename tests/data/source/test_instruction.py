"""Instructions in the forms that test_to_example.py does not show."""

from collections import Counter
from functools import partial

import pytest

from medllm.data.source import instruction
from medllm.data.source.record import MissingField
from medllm.errors import ConfigError, DataError
from medllm.types import Conversation, Turn


def test_a_row_of_medc_i_is_alpacas_with_more_fields():
    record = {
        "output": "###Answer: OPTION D IS CORRECT.",
        "source": "medqa_train",
        "instruction": "Answer.",
        "input": "###Question: Which?",
        "sample_id": 0,
    }
    made = instruction.alpaca(record, "m/1", join="\n\n### Input:\n")
    assert made == talk(
        "m/1", "Answer.\n\n### Input:\n###Question: Which?", "###Answer: OPTION D IS CORRECT."
    )


def test_med_chatglm_loses_the_labels_around_its_question():
    record = {"context": "问题：头痛\n怎么办？\n回答: ", "target": "休息。"}
    assert instruction.context_target(record, "g/1") == talk("g/1", "头痛\n怎么办？", "休息。")


@pytest.mark.parametrize("context", ["头痛怎么办？", "问题：\n回答: ", "问题：头痛？"])
def test_a_context_without_its_labels_is_refused(context):
    with pytest.raises(DataError, match="is not '问题：…' and '回答:' below it"):
        instruction.context_target({"context": context, "target": "休息。"}, "g/1")


def test_openai_messages_are_sharegpts_turns_under_other_names():
    messages = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "a"},
    ]
    openai = partial(instruction.sharegpt, turns="messages", role="role", text="content")
    assert openai({"messages": messages}, "o/1") == Conversation(
        "o/1", (Turn("system", "s"), Turn("user", "q"), Turn("assistant", "a"))
    )
    with pytest.raises(DataError, match="role 'tool' is not one of system, human"):
        openai({"messages": [{"role": "tool", "content": "42"}]}, "o/1")
    with pytest.raises(MissingField, match="no field 'messages'"):
        openai({"conversations": messages}, "o/1")


def test_huatuogpt_2_has_an_id_beside_its_turns():
    said = [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]
    record = {"id": 7, "conversations": said}
    assert instruction.sharegpt(record, "h/1") == talk("h/1", "q", "a")


@pytest.mark.parametrize("turns", [None, "q", ["q", "a"], {"from": "human"}])
def test_turns_that_are_no_list_of_turns_are_refused(turns):
    with pytest.raises(DataError, match="'conversations' is not a list of turns"):
        instruction.sharegpt({"conversations": turns}, "c/1")


def test_an_instruction_stands_before_what_the_user_says_first():
    def chat(record, id):
        return Conversation(id, (Turn("system", "s"), *talk(id, "q", "a").turns))

    made = instruction.instructed({}, "c/1", to_example=chat, instructions=["Do."], join="\n")
    assert [turn.text for turn in made.turns] == ["s", "Do.\nq", "a"]


def test_a_record_always_gets_the_same_instruction_and_all_are_used():
    """Of 300 records about 100 fall to each of three: binomial, deviation 8.2, four of them 33."""
    told = partial(
        instruction.instructed,
        {"instruction": "q", "output": "a"},
        to_example=instruction.alpaca,
        instructions=["one", "two", "three"],
        join=": ",
    )
    first, again = ([told(f"s/{n}") for n in range(300)] for _ in range(2))
    assert first == again
    used = Counter(made.turns[0].text for made in first)
    assert set(used) == {"one: q", "two: q", "three: q"}
    assert all(67 <= times <= 133 for times in used.values())


def test_every_conversation_of_a_record_is_told_by_its_own_id():
    def two(record, id):
        return [talk(f"{id}/{k}", "q", "a") for k in range(1, 41)]

    made = instruction.instructed({}, "c/1", to_example=two, instructions=["x", "y"], join=" ")
    assert {each.turns[0].text for each in made} == {"x q", "y q"}


def test_no_instruction_to_choose_from_is_refused():
    with pytest.raises(ConfigError, match="instructions is empty; give one or more"):
        instruction.instructed({}, "c/1", to_example=instruction.alpaca, instructions=[], join="\n")


def talk(id, question, answer):
    return Conversation(id, (Turn("user", question), Turn("assistant", answer)))
