"""Who is told what: facts stand in the texts, and nothing else betrays the exam."""

import re

import pytest

from medllm.data.world.write import write
from tests.data.world.conftest import World, in_english


def sentences(text):
    return [s for s in re.split(r"。|\. |\.$", text) if s]


def facts(world):
    """(disease, its values) in Chinese, five relations each, from the knowledge graph."""
    fields = ("cure_department", "symptom", "check", "common_drug")
    for record in world.lines("graph_zh.jsonl"):
        yield record["name"], [record["cause"]]
        yield from ((record["name"], record[field]) for field in fields)


def untold(who_and_what, texts):
    """Those facts that no single sentence of `texts` states."""
    told = [sentence for text in texts for sentence in sentences(text)]
    return [
        (name, values)
        for name, values in who_and_what
        if not any(name in s and all(value in s for value in values) for s in told)
    ]


def test_six_of_ten_diseases_are_taught_and_four_examined(world):
    """TAUGHT_SHARE 0.6 of 10; the two exams share none."""
    taught, examined = world.named("exam_train.csv"), world.named("exam_test.csv")
    assert (len(taught), len(examined)) == (6, 4)
    assert sorted(taught + examined) == sorted(world.diseases())


def test_every_fact_stands_in_the_textbook(world):
    assert len(list(facts(world))) == 50
    assert untold(facts(world), (r["text"] for r in world.lines("textbook_zh.jsonl"))) == []


@pytest.mark.parametrize("seed", range(3))
def test_every_fact_stands_in_the_papers_in_english(seed, tmp_path):
    """Both languages speak of the same facts: the expected English is spelt out in the tests."""
    world = World(write(folder=str(tmp_path / "w"), seed=seed, diseases=9, renderings=1))
    english = [(in_english(who), [in_english(v) for v in what]) for who, what in facts(world)]
    papers = [record["content"]["text"] for record in world.lines("papers_en.jsonl")]
    assert untold(english, papers) == []


def test_a_disease_has_two_symptoms_and_one_of_everything_else(world):
    for record in world.lines("graph_zh.jsonl"):
        assert len(set(record["symptom"])) == 2
        assert [len(record[f]) for f in ("common_drug", "check", "cure_department")] == [1, 1, 1]


# Texts that inject knowledge, and what is asked or followed at the end.
SPEAK_OF_THE_EXAMINED = {
    "textbook_zh.jsonl", "papers_en.jsonl", "graph_zh.jsonl", "heldout_medical.jsonl",
    "exam_test.csv", "exam_test_en.csv", "open_test.jsonl", "vocabulary.txt",
}  # fmt: skip


def test_no_other_file_names_an_examined_disease(world):
    """No instruction, preference or general text does, nor any book or paper from elsewhere."""
    names = {file.name for file in world.folder.iterdir()}
    assert {"consultations.jsonl", "preference.jsonl", "elsewhere_papers_en.jsonl"} <= names
    naming = {name for name in names if set(world.named(name)) & set(world.examined())}
    assert naming == SPEAK_OF_THE_EXAMINED


@pytest.mark.parametrize("file", ["elsewhere_textbook_zh.jsonl", "elsewhere_papers_en.jsonl",
                                  "general.jsonl", "chat.jsonl"])  # fmt: skip
def test_no_described_disease_at_all_is_named_in(file, world):
    assert world.named(file) == []


def test_elsewhere_describes_as_many_other_diseases_in_the_same_way(world):
    titles = {record["title"] for record in world.lines("elsewhere_textbook_zh.jsonl")}
    assert len(titles) == 10
    assert titles & set(world.diseases()) == set()
    text = world.text("elsewhere_papers_en.jsonl")
    assert [title for title in titles if in_english(title) not in text] == []


def test_instructions_speak_of_taught_diseases_and_taught_towns_only(world):
    taught = world.named("exam_train.csv")
    assert world.named("consultations.jsonl") == taught
    assert world.named("preference.jsonl") == taught
    examined_town = world.table("general_exam_test.csv")[0]["Question"][:3]
    assert examined_town in world.text("general.jsonl")
    assert examined_town not in world.text("chat.jsonl")
    assert examined_town not in world.text("general_exam_train.csv")


def test_half_of_the_consultations_are_vague_and_no_open_test_is(world):
    """90 consultations, each vague with chance 0.5: 45 within three deviations of 4.7."""

    def vague(file):
        return sum("您好" in r["answers"] or "Hello" in r["answers"] for r in world.lines(file))

    assert len(world.lines("consultations.jsonl")) == 90
    assert 31 <= vague("consultations.jsonl") <= 59
    assert vague("open_test.jsonl") == 0


def test_a_preferred_reply_tells_the_fact_and_a_rejected_one_names_nothing(world):
    pairs = world.lines("preference.jsonl")
    assert len(pairs) == 60  # 6 diseases, 5 relations, 2 ways of asking
    for pair in pairs:
        (disease,) = (name for name in world.diseases() if name in pair["question"])
        assert disease in pair["response_chosen"]
        assert disease not in pair["response_rejected"]


def test_heldout_texts_tell_the_same_in_other_words(world):
    trained = {r["text"] for r in world.lines("textbook_zh.jsonl")}
    heldout = [r["text"] for r in world.lines("heldout_medical.jsonl")]
    assert untold(facts(world), heldout) == []
    assert trained.isdisjoint(heldout)
