import pickle
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medllm.config.annotation import complaints
from medllm.config.signature import read
from medllm.data.deidentify.deidentifier import Deidentifier, Removal
from medllm.data.deidentify.gold import notes
from medllm.errors import ConfigError

NOTE = "患者张建国，男，92岁，电话13800138000，2023年5月6日入院。"
LATER = "张建国于2023年5月20日出院，张医生随访。Mr. Smith called."


def deidentifier(**settings):
    return Deidentifier(**{"languages": ["zh", "en"], "style": "surrogate", "seed": 1} | settings)


def test_surrogates_are_fluent_and_the_same_over_all_texts():
    """Seed 1 and this id: 张 becomes 钱, and dates move back by 72 weeks."""
    (note, later), _ = deidentifier().apply("x/1", [NOTE, LATER])
    assert note == "患者钱某甲，男，90岁，电话10000000001，2021年12月18日入院。"
    assert later == "钱某甲于2022年1月1日出院，钱医生随访。Mr. Coe called."


def test_tags_say_what_was_there():
    (note, later), _ = deidentifier(style="tag").apply("x/1", [NOTE, LATER])
    assert note == "患者<姓名1>，男，<年龄1>岁，电话<电话1>，<日期1>入院。"
    assert later == "<姓名1>于<日期2>出院，<姓名1>医生随访。Mr. <NAME2> called."


def test_the_audit_tells_places_and_never_words():
    (note,), audit = deidentifier().apply("x/1", [NOTE])
    assert audit == [
        Removal(rule="name_person", text=0, start=2, end=5, removed=3),
        Removal(rule="age", text=0, start=8, end=10, removed=2),
        Removal(rule="phone", text=0, start=14, end=25, removed=11),
        Removal(rule="date", text=0, start=26, end=37, removed=9),
    ]
    assert [note[each.start : each.end] for each in audit] == [
        "钱某甲",
        "90",
        "10000000001",
        "2021年12月18日",
    ]
    assert not any(
        isinstance(value, str) for each in audit for value in list(asdict(each).values())[1:]
    )


def test_another_document_or_seed_gives_other_surrogates():
    """Of 20 documents and of 20 seeds, not all move dates alike."""
    by_id = {deidentifier().apply(f"x/{n}", [NOTE])[0] for n in range(20)}
    by_seed = {deidentifier(seed=n).apply("x", [NOTE])[0] for n in range(20)}
    assert len(by_id) > 10
    assert len(by_seed) > 10
    assert deidentifier().apply("x/1", [NOTE]) == deidentifier().apply("x/1", [NOTE])


def test_different_names_get_different_surrogates():
    people = "，".join(f"{surname}医生" for surname in "王李张刘陈杨赵黄周吴")
    (text,), _ = deidentifier().apply("x", [people])
    new = [each.removesuffix("医生") for each in text.split("，")]
    assert len(set(new)) == 10
    assert all(old != fresh for old, fresh in zip("王李张刘陈杨赵黄周吴", new, strict=True))


def test_a_seed_in_the_environment_stays_there(monkeypatch):
    monkeypatch.setenv("MEDLLM_SEED", "1")
    assert deidentifier(seed="MEDLLM_SEED").apply("x", [NOTE]) == deidentifier().apply("x", [NOTE])
    monkeypatch.delenv("MEDLLM_SEED")
    with pytest.raises(ConfigError, match="seed=MEDLLM_SEED: no such environment variable is set"):
        deidentifier(seed="MEDLLM_SEED").apply("x", [NOTE])


def test_only_the_rules_named_are_applied():
    (text,), _ = deidentifier(rules=["phone"], style="tag").apply("x", [NOTE])
    assert text == NOTE.replace("13800138000", "<电话1>")
    with pytest.raises(ConfigError, match=r"rules: 'fone' is not one of url, email, .*phone"):
        deidentifier(rules=["fone"])


def test_only_the_languages_named_are_looked_for():
    (text,), _ = deidentifier(languages=["en"], style="tag").apply("x", [LATER])
    assert text == LATER.replace("Smith", "<NAME1>")


def test_a_text_without_identifiers_is_the_same():
    text = "血压120/80mmHg，３８.５℃。"
    assert deidentifier().apply("x", [text, ""]) == ((text, ""), [])


@given(st.integers(0, 10**6), st.sampled_from(["zh", "en"]), st.sampled_from(["surrogate", "tag"]))
def test_what_is_not_removed_stays_as_it_was(seed, language, style):
    note = notes(1, language=language, seed=seed)[0].text
    found = deidentifier(languages=[language]).find([note])[0]
    (text,), audit = deidentifier(languages=[language], style=style).apply("x", [note])
    between, kept, done, at = [], [], 0, 0
    for each, removal in zip(found, audit, strict=True):
        between.append(note[done : each.start])
        kept.append(text[at : removal.start])
        done, at = each.end, removal.end
    assert [*between, note[done:]] == [*kept, text[at:]]


def test_it_travels_to_workers():
    assert pickle.loads(pickle.dumps(deidentifier())) == deidentifier()


def test_a_config_can_give_its_settings():
    takes = read("medllm.data.deidentify.deidentifier.Deidentifier").parameters
    good = {"languages": ["zh"], "style": "tag", "seed": "NAME", "rules": None, "also": None}
    assert not any(complaints(value, takes[name].type) for name, value in good.items())
    assert complaints(["fr"], takes["languages"].type) == {(0,): "one of 'zh' or 'en'"}
