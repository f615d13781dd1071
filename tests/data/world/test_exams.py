"""Exams of the world: the key is right, and nothing else on the sheet is."""

from itertools import chain

from tests.data.world.conftest import in_english

FIELDS = {
    "cause": "cause",
    "department": "cure_department",
    "symptom": "symptom",
    "test": "check",
    "drug": "common_drug",
}


def options(row):
    """Letter to text, as CMExam writes it."""
    return {line[0]: line[2:] for line in row["Options"].split("\n")}


def truth(world, row):
    """Every value that the knowledge graph gives to what is asked, in the row's language."""
    for record in world.lines("graph_zh.jsonl"):
        values = record[FIELDS[row["Medical Discipline"]]]
        values = [values] if isinstance(values, str) else values
        if record["name"] in row["Question"]:
            return values
        if in_english(record["name"]) in row["Question"]:
            return [in_english(value) for value in values]
    raise AssertionError(f"asks of nobody: {row['Question']}")


def exams(world):
    """Every exam about diseases, those for practice too."""
    found = sorted(file.name for file in world.folder.glob("exam_*.csv"))
    assert {"exam_train.csv", "exam_test.csv", "exam_train_en.csv", "exam_test_en.csv"} <= {*found}
    return [world.table(name) for name in found]


def test_the_key_names_all_right_options_and_only_those(world):
    for row in chain(*exams(world)):
        right = "".join(k for k, text in options(row).items() if text in truth(world, row))
        assert row["Answer"] == right != ""


def test_options_are_four_or_five_and_differ(world):
    for rows in exams(world):
        sizes = [len(set(options(row).values())) for row in rows]
        assert set(sizes) == {4, 5}
        assert sizes == [len(row["Options"].split("\n")) for row in rows]


def test_every_disease_is_asked_every_relation_in_two_ways_and_in_english_in_one(world):
    """4 examined diseases x 5 relations x 2 stems; 1 in English."""
    asked = [row["Question"] for row in world.table("exam_test.csv")]
    assert len(asked) == len(set(asked)) == 40
    assert len(world.table("exam_test_en.csv")) == 20


def test_some_symptom_questions_want_both_symptoms_and_no_other_question_does(world):
    rows = world.table("exam_train.csv") + world.table("exam_test.csv")
    several = [row for row in rows if len(row["Answer"]) > 1]
    assert {row["Medical Discipline"] for row in several} == {"symptom"}
    assert {len(row["Answer"]) for row in several} == {2}
    assert len(several) < sum(row["Medical Discipline"] == "symptom" for row in rows)


def test_the_right_letter_is_spread_over_the_sheet(world):
    single = [row["Answer"] for row in world.table("exam_train.csv") if len(row["Answer"]) == 1]
    assert set(single) == set("ABCDE")
    assert max(single.count(letter) for letter in "ABCDE") < len(single) / 2


def test_an_explanation_completes_the_stem_and_names_the_letters(world):
    for row in world.table("exam_test.csv"):
        right = "、".join(v for v in truth(world, row) if v in row["Explanation"])
        begun = row["Explanation"].removeprefix(row["Question"])
        assert begun.endswith(f"（{row['Answer']}对）。")
        assert sorted(begun.split("（")[0].split("、")) == sorted(right.split("、"))


def test_the_general_exam_has_four_options_and_one_right_answer(world):
    """The right one stands in the general text beside the town, the wrong ones do not."""
    texts = [record["text"] for record in world.lines("general.jsonl")]
    for file in sorted(world.folder.glob("general_exam_*.csv")):
        for row in world.table(file.name):
            assert list(row) == ["Question", "A", "B", "C", "D", "Answer"]
            shown = {letter: row[letter] for letter in "ABCD"}
            assert len(set(shown.values())) == 4
            (town,) = {t[:3] for text in texts for t in towns(text) if t[:3] in row["Question"]}
            about = "".join(text for text in texts if town in text)
            told = [letter for letter, value in shown.items() if value in about]
            assert told == [row["Answer"]]


def towns(text):
    """Where a three-character name of a town begins."""
    return [text[i - 2 : i + 1] for i, c in enumerate(text) if c in "城镇" and i >= 2]
