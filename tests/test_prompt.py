import pytest

from medllm import prompt
from medllm.errors import ConfigError, DataError
from medllm.types import Question

FEVER = Question(
    id="exam/1",
    text="Which treat fever?",
    options={"A": "aspirin", "B": "water", "C": "paracetamol"},
    answer="AC",
    reference="Both lower the set point.",
)


def test_options_stand_one_per_line():
    asked = prompt.ask(FEVER, prompt="{question}\n{options}\nAnswer:")
    assert asked == "Which treat fever?\nA. aspirin\nB. water\nC. paracetamol\nAnswer:"


def test_the_form_of_an_option_can_be_chosen():
    asked = prompt.ask(FEVER, prompt="{options}", option="({letter}) {text}")
    assert asked == "(A) aspirin\n(B) water\n(C) paracetamol"


def test_a_prompt_may_leave_the_options_out():
    assert prompt.ask(FEVER, prompt="Q: {question}") == "Q: Which treat fever?"


def test_a_reply_names_every_right_option():
    reply = prompt.answer(FEVER, reply="{letters} ({texts}). {reference}")
    assert reply == "AC (aspirin；paracetamol). Both lower the set point."


def test_a_reply_may_repeat_the_question():
    reply = prompt.answer(FEVER, reply="{question} {letters}")
    assert reply == "Which treat fever? AC"


def test_braces_in_a_question_are_text():
    question = Question(id="exam/2", text="Is {options} a set?", reference="yes")
    assert prompt.ask(question, prompt="{question}") == "Is {options} a set?"


def test_an_unknown_placeholder_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"'\{choices\}' in '\{choices\}' is not one of \{que"):
        prompt.ask(FEVER, prompt="{choices}")


def test_options_cannot_be_shown_for_an_open_question():
    with pytest.raises(DataError, match=r"has no options, which .* shows \(question exam/3\)"):
        prompt.ask(Question(id="exam/3", text="Why?"), prompt="{question}\n{options}")


def test_a_reply_cannot_show_a_missing_explanation():
    with pytest.raises(DataError, match=r"has no reference, which .* shows \(question exam/4\)"):
        prompt.answer(Question(id="exam/4", text="Why?"), reply="{reference}")
