"""Preferences in the forms that test_to_example.py does not show."""

from functools import partial

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from medllm.data.source import preference
from medllm.data.source.read import Quarantine
from medllm.data.source.record import MissingField
from medllm.errors import DataError
from medllm.types import Preference, Turn
from tests.conftest import REPO

MEDICALGPT = partial(
    preference.pair,
    prompt=["question"],
    chosen="response_chosen",
    rejected="response_rejected",
    system="system",
    history="history",
)
RANKED = partial(
    preference.ranked, prompt=["query"], replies=["rank1", "rank2", "rank3"], history="history"
)
Q = Turn("user", "q")


def test_system_and_history_stand_before_the_question():
    record = medicalgpt(system="s", history=[["q1", "a1"], ["q2", "a2"]])
    before = (Turn("system", "s"), *turns("q1", "a1", "q2", "a2"))
    assert MEDICALGPT(record, "p/1") == Preference("p/1", (*before, Q), "good", "bad")


def test_an_empty_system_and_history_say_nothing():
    assert MEDICALGPT(medicalgpt(), "p/1") == Preference("p/1", (Q,), "good", "bad")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"history": [["q1"]]}, "number 1 of 'history' is not a question and its answer"),
        ({"history": 3}, "field 'history' is a int, not a list"),
        ({"question": ""}, "all of question are empty"),
    ],
)
def test_a_broken_prompt_is_refused(change, reason):
    with pytest.raises(DataError, match=reason):
        MEDICALGPT(medicalgpt(**change), "p/1")


@pytest.mark.parametrize("reply", [str, lambda text: {"from": "gpt", "value": text}])
def test_replies_are_text_or_turns(reply):
    """MedicalGPT writes the first, LLaMA-Factory the second."""
    record = sharegpt(["q1", "a1", "q"], chosen=reply("good"), rejected=reply("bad"))
    assert preference.sharegpt_pair(record, "p/1") == Preference(
        "p/1", (*turns("q1", "a1"), Q), "good", "bad"
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"conversations": []}, "turns are assistant; user and assistant must alternate"),
        ({"conversations": None}, "'conversations' is not a list of turns"),
        ({"chosen": "bad"}, "'chosen' and 'rejected' are the same"),
        ({"chosen": ""}, "field 'chosen' is empty"),
        ({"chosen": {"from": "human", "value": "x"}}, "'chosen' is said by the user, not the as"),
        ({"chosen": {"from": "gpt"}}, "no field 'value'"),
    ],
)
def test_a_broken_pair_is_refused(change, reason):
    with pytest.raises(DataError, match=reason):
        preference.sharegpt_pair(sharegpt(["q"], chosen="good", rejected="bad") | change, "p/1")


def test_a_prompt_must_end_with_the_user():
    record = sharegpt(["q1", "a1"], chosen="good", rejected="bad")
    with pytest.raises(DataError, match="turns are user, assistant, assistant; user and"):
        preference.sharegpt_pair(record, "p/1")


def test_a_pair_without_a_reply_misses_it():
    record = sharegpt(["q"], chosen="good", rejected="bad")
    del record["rejected"]
    with pytest.raises(MissingField, match="no field 'rejected'"):
        preference.sharegpt_pair(record, "p/1")


def test_a_ranking_prefers_every_reply_to_all_below_it():
    record = {"id": "0", "query": "q", "history": "[['q1', 'a1']]"}
    record |= {"rank1": "best", "rank2": "good", "rank3": "bad"}
    prompt = (*turns("q1", "a1"), Q)
    assert RANKED(record, "z/1") == [
        Preference("z/1/1", prompt, "best", "good"),
        Preference("z/1/2", prompt, "best", "bad"),
        Preference("z/1/3", prompt, "good", "bad"),
    ]


def test_a_ranking_of_equals_is_refused():
    record = {"query": "q", "history": "[]", "rank1": "x", "rank2": "y", "rank3": "x"}
    with pytest.raises(DataError, match="'rank1' and 'rank3' are the same"):
        RANKED(record, "z/1")


def test_the_table_of_zhongjings_labelling_tool_is_read(tmp_path):
    table = tmp_path / "total_dataset.tsv"
    header = "id\tquery\thistory\trank1\trank2\trank3\trank4"
    table.write_text(f"{header}\n7\tq\t[['q1', 'a1']]\ta\tb\tc\td\n", encoding="utf-8")
    node = OmegaConf.load(REPO / "conf/data/source/zhongjing_ranked.yaml")
    node.files = str(table)
    quarantine = Quarantine()
    pairs = list(instantiate(node, _convert_="all").examples(quarantine))
    assert not quarantine.rejected
    assert [pair.chosen + pair.rejected for pair in pairs] == ["ab", "ac", "ad", "bc", "bd", "cd"]
    assert {pair.prompt for pair in pairs} == {(*turns("q1", "a1"), Q)}
    assert pairs[-1].id == "total_dataset/2/6"


def medicalgpt(**change):
    record = {"system": "", "history": [], "question": "q"}
    return record | {"response_chosen": "good", "response_rejected": "bad"} | change


def sharegpt(texts, **replies):
    names = ("human", "gpt") * len(texts)
    said = [{"from": name, "value": text} for name, text in zip(names, texts, strict=False)]
    return {"conversations": said} | replies


def turns(*texts):
    roles = ("user", "assistant") * len(texts)
    return tuple(Turn(role, text) for role, text in zip(roles, texts, strict=False))
