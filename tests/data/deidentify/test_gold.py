import pytest

from medllm.data.deidentify.deidentifier import Deidentifier
from medllm.data.deidentify.gold import Note, measure, notes


def measured(language, *, disguised=False):
    deidentifier = Deidentifier(languages=[language], style="tag", seed=0)
    given = notes(300, language=language, seed=3, disguised=disguised)
    return measure(deidentifier, given)


@pytest.mark.parametrize("disguised", [False, True])
@pytest.mark.parametrize(("language", "names"), [("zh", 0.83), ("en", 0.85)])
def test_the_rules_find_what_they_claim_to(language, names, disguised):
    """Names are missed in three sentences of the Chinese and in one of the English notes."""
    scores = measured(language, disguised=disguised)
    assert len(scores) == {"zh": 15, "en": 12}[language]
    assert scores.pop("name").recall >= names
    assert {kind: score.recall for kind, score in scores.items()} == dict.fromkeys(scores, 1.0)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_nothing_else_is_taken_for_an_identifier(language):
    assert sum(score.false for score in measured(language).values()) == 0


def test_what_is_planted_stands_where_it_is_said_to():
    for note in notes(50, language="zh", seed=5):
        for kind, start, end in note.planted:
            if kind == "phone":
                assert note.text[start:end].replace("-", "").replace(" ", "").isdigit()


def test_a_part_left_behind_is_a_miss():
    """王 is found and Smith is not; 12床 is none of what was planted."""
    note = Note("王医生，12床，Smith", (("name", 0, 1), ("name", 8, 13)))
    deidentifier = Deidentifier(languages=["zh"], style="tag", seed=0)
    scores = measure(deidentifier, [note])
    assert (scores["name"].planted, scores["name"].missed, scores["name"].recall) == (2, 1, 0.5)
    assert (scores["record"].found, scores["record"].false, scores["record"].precision) == (1, 1, 0)
