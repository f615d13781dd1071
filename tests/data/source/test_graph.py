"""Entities in words: prose, questions, and facts read back from them."""

from functools import partial

import pytest

from medllm.data.source import entity, graph
from medllm.errors import ConfigError, DataError
from medllm.types import Turn

FLU = {
    "name": "感冒",
    "symptom": ["发热", "咳嗽"],
    "cause": "病毒{name}",
    "check": [],
    "drug": "水",
}
SENTENCES = {
    "cause": "{name}由{value}引起。",
    "symptom": "{name}的症状有{value}。",
    "check": "{value}。",
}
KEYED = partial(entity.keyed, name="name")


def prose(record=FLU, *, sentences=SENTENCES, otherwise=None):
    return graph.prose(
        record, "g/1", entity=KEYED, sentences=sentences, otherwise=otherwise, join="、"
    ).text


def test_prose_is_a_line_for_each_relation_that_leads_somewhere():
    """A brace in a value is text."""
    assert prose() == "感冒由病毒{name}引起。\n感冒的症状有发热、咳嗽。"


def test_other_relations_are_told_if_there_is_a_sentence_for_them():
    assert prose(otherwise="{name}的{relation}：{value}").endswith("\n感冒的drug：水")


def test_a_relation_is_written_with_spaces():
    record = {"name": "alga", "location_of": "water"}
    assert prose(record, sentences={}, otherwise="{name} is {relation} {value}.") == (
        "alga is location of water."
    )


@pytest.mark.parametrize(
    ("sentences", "otherwise", "reason"),
    [({"check": "{value}"}, None, "has none of check"), ({}, None, "has no relation")],
)
def test_nothing_to_tell_is_refused(sentences, otherwise, reason):
    with pytest.raises(DataError, match=reason):
        prose(sentences=sentences, otherwise=otherwise)
    with pytest.raises(DataError, match=reason):
        relations(sentences=sentences, otherwise=otherwise)


def test_a_misspelt_placeholder_is_refused():
    with pytest.raises(
        ConfigError, match=r"'\{vlaue\}' in .* is not one of \{name\}, \{relation\}"
    ):
        prose(sentences={"symptom": "{vlaue}"})


def relations(*, sentences=SENTENCES, otherwise=None, join=None):
    return graph.relations(
        FLU,
        "g/1",
        entity=KEYED,
        question="{name}—{relation}—{value}？",
        sentences=sentences,
        otherwise=otherwise,
        join=join,
    )


def test_each_fact_is_asked_for_on_its_own():
    made = relations(sentences={"symptom": SENTENCES["symptom"]})
    assert [each.turns for each in made] == [
        (Turn("user", "感冒—symptom—发热？"), Turn("assistant", "感冒的症状有发热。")),
        (Turn("user", "感冒—symptom—咳嗽？"), Turn("assistant", "感冒的症状有咳嗽。")),
    ]
    assert [each.id for each in made] == ["g/1/1", "g/1/2"]


def test_each_relation_may_be_asked_for_at_once():
    asked = [each.turns[0].text for each in relations(join="、")]
    assert asked == ["感冒—cause—病毒{name}？", "感冒—symptom—发热、咳嗽？"]


FORMS = [
    {"question": "{symptom}是什么病？", "answer": "{name}"},
    {"question": "{name}怎样检查？", "answer": "{check}"},
    {"question": "{name}是怎么来的？", "answer": "因为{cause}，{drug}。"},
]


def test_a_lesson_is_given_where_every_relation_of_its_form_leads_somewhere():
    made = graph.lessons(FLU, "g/1", entity=KEYED, forms=FORMS, join="、")
    assert [tuple(turn.text for turn in each.turns) for each in made] == [
        ("发热、咳嗽是什么病？", "感冒"),
        ("感冒是怎么来的？", "因为病毒{name}，水。"),
    ]


def test_an_entity_that_fits_no_form_is_refused():
    with pytest.raises(DataError, match="has not all the relations of any form"):
        graph.lessons(FLU, "g/1", entity=KEYED, forms=FORMS[1:2], join="、")


def test_a_form_needs_question_and_answer():
    with pytest.raises(ConfigError, match="a form of a lesson has no answer"):
        graph.lessons(FLU, "g/1", entity=KEYED, forms=[{"question": "?"}], join="、")


def unfound(text):
    return graph.unfound(KEYED(FLU), text, sentences=SENTENCES, otherwise=None, join="、")


def test_every_fact_that_prose_tells_is_found_again():
    assert unfound(prose()) == []


@pytest.mark.parametrize(
    ("right", "wrong", "lost"),
    [
        ("、咳嗽", "", ("感冒", "symptom", "咳嗽")),  # left out
        ("发热", "高发热", ("感冒", "symptom", "发热")),  # only part of another
        ("感冒由", "流感由", ("感冒", "cause", "病毒{name}")),  # of something else
        ("引起", "治疗", ("感冒", "cause", "病毒{name}")),  # another relation
    ],
)
def test_a_fact_that_is_not_told_as_it_is_counts_as_lost(right, wrong, lost):
    assert unfound(prose().replace(right, wrong)) == [lost]


def test_a_disease_of_xywy_is_prose_too():
    made = graph.disease({**FLU, "_id": {"$oid": "5b"}}, "g/1", sentences=SENTENCES)
    assert made.text == prose()
