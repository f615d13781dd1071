"""Every check on something that is really wrong, and on something that is right."""

from dataclasses import replace

import pytest

from medllm.data import checks
from medllm.errors import ConfigError
from medllm.types import IGNORE, Conversation, Preference, Turn
from tests.conftest import TEMPLATE
from tests.data import corpora
from tests.data.made import Made

TALK = [(f"{n}?", "no " * (n % 4 + 1)) for n in range(20)]
BOOKS = ["the fever", "the doctor and a cough", "a drug"]
TWICE = (Turn("user", "a"), Turn("assistant", "b"), Turn("user", "c"), Turn("assistant", "d"))


@pytest.fixture
def talk(tmp_path):
    return corpora.dialogues(tmp_path, "talk", TALK)


@pytest.fixture
def books(tmp_path):
    return corpora.documents(tmp_path, "books", BOOKS)


def test_rows_that_only_ask_have_nothing_to_learn(tmp_path, tokenizer):
    """A question of 60 letters is longer than three rows of 16; its answer is in the last."""
    source = corpora.dialogues(tmp_path, "talk", [("? " * 30, "no")])
    made = Made(source, tokenizer, tmp_path, packing="cut", seq_len=16)
    total = len(made.rows.borders) - 1
    empty = [number for number, row in enumerate(made.drawn()) if (row.targets == IGNORE).all()]
    assert len(empty) == total - 1
    (problem,) = checks.unlearnt_rows(made.stores, made.rows)
    named = ", ".join(map(str, empty))
    assert problem == (
        f"{total - 1} of {total} rows ({named}) have no learnt token; "
        "use data.packing=whole or a longer data.seq_len"
    )


def test_rows_that_all_learn_are_right(talk, tmp_path, tokenizer):
    made = Made(talk, tokenizer, tmp_path)
    assert checks.unlearnt_rows(made.stores, made.rows) == []


def test_pairs_that_both_learn_are_right(tmp_path, tokenizer):
    source = corpora.pairs(tmp_path, "talk", [("yes it is", "no"), ("rest", "run away")])
    made = Made(source, tokenizer, tmp_path, packing="none")
    assert checks.unlearnt_rows(made.stores, made.rows) == []
    assert checks.unlearnt_ends(made.stores, made.corpora, tokenizer, read=None) == []
    assert checks.doubled_begins(made.stores, tokenizer, read=None) == []


def test_a_reply_of_which_nothing_is_learnt_spoils_its_pair(tmp_path, tokenizer):
    source = corpora.pairs(tmp_path, "talk", [("yes it is", "no"), ("rest", "run away")])
    made = Made(source, tokenizer, tmp_path, packing="none")
    made.stores["talk"].learnt[3] = 0  # the rejected reply of the second pair
    (problem,) = checks.unlearnt_rows(made.stores, made.rows)
    assert problem.startswith("1 of 2 rows (")


def test_a_template_that_ends_turns_with_another_token_never_teaches_the_end(
    talk, tmp_path, tokenizer
):
    tokenizer.chat_template = TEMPLATE.replace("{{ eos_token }}", "<|user|>")
    made = Made(talk, tokenizer, tmp_path)
    (problem,) = checks.unlearnt_ends(made.stores, made.corpora, tokenizer, read=None)
    assert problem == (
        "the end token '<|end|>' is learnt nowhere in the conversations of talk, so a model would "
        "not stop; put it inside {% generation %} of model.template, or raise data.seq_len"
    )


def test_rows_that_cut_off_every_end_never_teach_it(tmp_path, tokenizer):
    source = corpora.documents(tmp_path, "books", ["a fever " * 40])
    made = Made(source, tokenizer, tmp_path, packing="whole", seq_len=16)
    (problem,) = checks.unlearnt_ends(made.stores, made.corpora, tokenizer, read=None)
    assert "nowhere in the documents of talk" in problem
    assert problem.endswith("the ends of these lie in no row")


@pytest.mark.parametrize("source", ["talk", "books"])
def test_an_end_that_is_learnt_is_right(source, request, tmp_path, tokenizer):
    made = Made(request.getfixturevalue(source), tokenizer, tmp_path)
    assert checks.unlearnt_ends(made.stores, made.corpora, tokenizer, read=None) == []


def test_a_template_that_writes_the_begin_token_twice_is_found(talk, tmp_path, tokenizer):
    """Twenty conversations; the rows that hold them all have one."""
    tokenizer.chat_template = "{{ bos_token }}" + TEMPLATE
    made = Made(talk, tokenizer, tmp_path, packing="none")
    (problem,) = checks.doubled_begins(made.stores, tokenizer, read=None)
    assert problem == (
        "20 of 20 entries of talk (0, 1, 2, 3, 4, ...) have an example that begins with "
        "'<|begin|>' twice; write it once in model.template"
    )


@pytest.mark.parametrize("source", ["talk", "books"])
def test_one_begin_token_is_right(source, request, tmp_path, tokenizer):
    made = Made(request.getfixturevalue(source), tokenizer, tmp_path)
    assert checks.doubled_begins(made.stores, tokenizer, read=None) == []


def test_without_a_begin_token_none_is_doubled(books, tmp_path, tokenizer):
    tokenizer.bos_token = None
    made = Made(books, tokenizer, tmp_path)
    assert checks.doubled_begins(made.stores, tokenizer, read=None) == []


def test_a_template_that_ends_only_the_last_turn_changes_what_it_wrote(tokenizer):
    """<|begin|> <|user|> a <|assistant|> b: the end at 5 becomes the next <|user|>."""
    tokenizer.chat_template = TEMPLATE.replace(
        "{{ eos_token }}", "{% if loop.last %}{{ eos_token }}{% endif %}"
    )
    (problem,) = checks.changing_template(tokenizer, [("talk/1", TWICE), ("talk/2", TWICE[:2])])
    assert problem == (
        "the chat template changes what it has written once more turns follow, in 1 of 2 "
        "conversations; talk/1: token 5 of its first 2 turns, '<|end|>', becomes '<|user|>'; "
        "change model.template"
    )


def test_a_template_that_drops_earlier_thoughts_changes_what_it_wrote(tokenizer):
    """As reasoning models' own templates do: only the last reply keeps its thought."""
    said = "(message.content if loop.last else message.content.split('#')[-1])"
    tokenizer.chat_template = TEMPLATE.replace(
        "{{ message.content }}{{ eos", f"{{{{ {said} }}}}{{{{ eos"
    )
    turns = (Turn("user", "a"), Turn("assistant", "x#b"), *TWICE[2:])
    (problem,) = checks.changing_template(tokenizer, [("talk/1", turns)])
    assert "token 4 of its first 2 turns, 'x', becomes 'b'" in problem
    assert checks.changing_template(tokenizer, [("talk/2", TWICE)]) == []


def test_a_template_that_only_adds_is_right(tokenizer):
    turns = (Turn("system", "s"), *TWICE, Turn("user", "e"), Turn("assistant", "f"))
    assert checks.changing_template(tokenizer, [("talk/1", turns)]) == []


def test_conversations_of_several_replies_are_tried_after_a_probe(tmp_path, tokenizer, talk):
    def grown(record, id):
        return Conversation(id, TWICE[: 2 if record["q"] == "0?" else 4])

    made = Made(replace(talk, limit=3, to_example=grown), tokenizer, tmp_path)
    tried = dict(checks.conversations(made.corpora, read=None))
    assert list(tried) == ["a probe", "talk/2", "talk/3"]
    assert tried["talk/3"] == TWICE


def test_the_chosen_reply_of_a_pair_is_one_of_several(tmp_path, tokenizer):
    source = corpora.pairs(tmp_path, "talk", [("d", "no")])
    talked = replace(source, to_example=lambda _, id: Preference(id, TWICE[:3], "d", "no"))
    made = Made(talked, tokenizer, tmp_path, packing="none")
    assert dict(checks.conversations(made.corpora, read=None))["talk/1"] == TWICE


def test_where_nobody_speaks_there_is_no_template_to_try(tmp_path, tokenizer, books):
    made = Made(books, tokenizer, tmp_path)
    assert list(checks.conversations(made.corpora, read=None)) == []


def test_too_many_answers_that_lose_their_end_are_found(tmp_path, tokenizer):
    """Two answers in four are longer than a row."""
    exchanges = [("a", "no"), ("b", "no " * 30), ("c", "yes"), ("d", "yes " * 30)]
    source = corpora.dialogues(tmp_path, "talk", exchanges)
    made = Made(source, tokenizer, tmp_path, seq_len=16)
    assert checks.truncated_examples(made.stores, share=0.49) == [
        "2 of 4 examples of talk are cut at seq_len, more than limits.truncated=0.49; "
        "raise data.seq_len, or the limit"
    ]
    assert checks.truncated_examples(made.stores, share=0.5) == []


def test_what_is_read_is_spread_evenly():
    assert checks.spread(9, 3) == [0, 4, 8]
    assert checks.spread(2, 5) == [0, 1]
    assert checks.spread(3, None) == [0, 1, 2]


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ({"truncated": 5}, "limits.truncated=5 must be in [0, 1]"),
        ({"read": 0}, "limits.read=0 must be at least 1, or null"),
        ({"compared": -1}, "limits.compared=-1 must be 0 or more"),
        ({"tolerance": 0}, "limits.tolerance=0 must be positive"),
    ],
)
def test_a_limit_that_cannot_be_is_refused(limit, said):
    right = {"truncated": 0.05, "read": None, "compared": 8, "tolerance": 1e-9}
    assert checks.Limits(**right).compared == 8
    with pytest.raises(ConfigError) as refusal:
        checks.Limits(**{**right, **limit})
    assert refusal.value.problems == (said,)
