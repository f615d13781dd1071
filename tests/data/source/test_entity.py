"""Records of every graph, and the entity that each gives."""

from functools import partial

import pytest

from medllm.data.source import disease, entity, ontology
from medllm.data.source.record import MissingField
from medllm.errors import DataError

TRIPLE = {"subject": "head", "relation": "relation", "object": "tail"}


def test_the_facts_of_an_entity_come_one_by_one():
    made = entity.Entity("flu", {"symptom": ("fever", "cough"), "drug": ()})
    assert list(made.triples()) == [("flu", "symptom", "fever"), ("flu", "symptom", "cough")]


def test_every_field_of_a_keyed_record_is_a_relation():
    """Xywy's record: texts and lists, some of them empty, and Mongo's _id."""
    record = {"_id": {"$oid": "5b"}, "name": "感冒", "symptom": ["发热 ", "", None, "咳嗽"]}
    record |= {"cause": "病毒。\n受凉。", "get_prob": 0.5, "check": [], "drug": None}
    made = entity.keyed(record, name="name", ignored=["_id"])
    assert made.name == "感冒"
    assert made.facts == {
        "symptom": ("发热", "咳嗽"),
        "cause": ("病毒。 受凉。",),
        "get_prob": ("0.5",),
        "check": (),
        "drug": (),
    }


def test_cmekg_names_the_thing_in_chinese():
    """The record of the README of BenTsao, shortened."""
    record = {"中心词": "偏头痛", "相关疾病": ["妊娠合并偏头痛"], "所属科室": ["内科"]}
    made = entity.keyed(record, name="中心词")
    assert made == entity.Entity("偏头痛", {"相关疾病": ("妊娠合并偏头痛",), "所属科室": ("内科",)})


def row_39(**change):
    """A row as github.com/zhihao-chen/QASystemOnMedicalGraph publishes it."""
    row = dict.fromkeys([*disease.TEXTS_39, *disease.LISTS_39], "") | {"name": "乙肝"}
    row |= {
        "alias": "乙型肝炎，HBV",
        "part": "肝",
        "department": "传染科 肝病",
        "infection": "有传染性",
    }
    row |= {"symptom": "转氨酶增高 食欲不振... [详细]", "drug": "拉米夫定片 阿德福韦酯... [详细]"}
    return row | {"rate": "nan"} | change


def test_39health_parts_its_lists_by_spaces():
    made = disease.health39(row_39())
    assert made.name == "乙肝"
    assert {relation: objects for relation, objects in made.facts.items() if objects} == {
        "infection": ("有传染性",),
        "alias": ("乙型肝炎", "HBV"),
        "part": ("肝",),
        "department": ("传染科", "肝病"),
        "symptom": ("转氨酶增高", "食欲不振"),
        "drug": ("拉米夫定片", "阿德福韦酯"),
    }
    assert made.facts["rate"] == ()


def row_chatdoctor(**change):
    row = {"disease": "Panic disorder", "reason": r"It\xe2\x80\x99s \'fear\', \xff. "}
    row |= {"Symptom": "['Fear', 'Sweating (much)']", "TestsAndProcedures": "[]"}
    return row | {"commonMedications": "['Lorazepam']"} | change


def test_chatdoctor_prints_its_lists_as_python_does():
    """Bytes that are no UTF-8 stay as they are written."""
    made = disease.chatdoctor(row_chatdoctor())
    assert made == entity.Entity(
        "Panic disorder",
        {
            "reason": (r"It’s 'fear', \xff.",),
            "Symptom": ("Fear", "Sweating (much)"),
            "TestsAndProcedures": (),
            "commonMedications": ("Lorazepam",),
        },
    )


@pytest.mark.parametrize("reason", [" thiamine, ", "HCM may refer to: ", ""])
def test_what_is_no_description_in_chatdoctor_is_none(reason):
    assert disease.chatdoctor(row_chatdoctor(reason=reason)).facts["reason"] == ()


def obo(**change):
    term = {"id": "DOID:1", "name": "adult T-cell leukemia", "xref": ["MESH:D1"]}
    term |= {"def": r'"A leukemia that derives_from \"T-cells\"." [url:http\://a.org]'}
    term |= {"synonym": ['"ATLL" EXACT OMO:0003012 []', '"adult ATL" RELATED []']}
    return term | {"is_a": ["DOID:715 ! T-cell leukemia", "DOID:162 ! cancer {source=x}"]} | change


def test_a_term_is_its_definition_synonyms_and_kinds():
    assert ontology.term(obo()) == entity.Entity(
        "adult T-cell leukemia",
        {
            "def": ('A leukemia that derives from "T-cells".',),
            "synonym": ("ATLL", "adult ATL"),
            "is_a": ("T-cell leukemia", "cancer"),
        },
    )


def test_a_triple_is_an_entity_with_one_fact_and_readable_names():
    record = {"head": "acquired_abnormality", "relation": "location_of", "tail": "organ_function"}
    assert entity.triple(record, **TRIPLE) == entity.Entity(
        "acquired abnormality", {"location_of": ("organ function",)}
    )


def test_grouped_triples_are_one_entity():
    rows = [("flu", "symptom", "fever"), ("flu", "drug", "rest"), ("flu", "symptom", "cough")]
    rows.append(rows[0])
    record = {"records": [dict(zip(TRIPLE.values(), row, strict=True)) for row in rows]}
    assert entity.grouped(record, **TRIPLE) == entity.Entity(
        "flu", {"symptom": ("fever", "cough"), "drug": ("rest",)}
    )


@pytest.mark.parametrize(
    ("read", "record", "reason"),
    [
        (partial(entity.keyed, name="name"), {"symptom": []}, "no field 'name'"),
        (partial(entity.keyed, name="name"), {"name": "a", "x": {"y": 1}}, "field 'x' is a dict"),
        (partial(entity.keyed, name="name"), {"name": "a", "x": [["b"]]}, "'x' is a list, not"),
        (disease.health39, {"name": "乙肝"}, "no field 'age'"),
        (disease.health39, row_39(name=""), "field 'name' is empty"),
        (disease.chatdoctor, row_chatdoctor(Symptom="['a'"), "'Symptom' is not a list as Python"),
        (disease.chatdoctor, row_chatdoctor(Symptom="[1]"), "'Symptom' is not a list of texts"),
        (disease.chatdoctor, row_chatdoctor(Symptom="{}"), "'Symptom' is not a list of texts"),
        (ontology.term, obo(name=""), "field 'name' is empty"),
        (ontology.term, obo(**{"def": "A leukemia."}), "'def' does not begin with a text in"),
        (ontology.term, obo(synonym=["ATLL EXACT []"]), "'synonym' does not begin with a text in"),
        (ontology.term, obo(is_a=["DOID:162"]), "'is_a' has no name after ' ! ': DOID:162"),
        (ontology.term, obo(is_a=7), "'is_a' is a int, not a list"),
        (ontology.term, obo(is_obsolete=["true"]), "the term is obsolete"),
        (partial(entity.triple, **TRIPLE), {"head": "a", "relation": "b"}, "no field 'tail'"),
        (partial(entity.triple, **TRIPLE), dict.fromkeys(TRIPLE.values(), ""), "is empty"),
    ],
)  # fmt: skip
def test_a_malformed_record_is_refused_by_its_field(read, record, reason):
    with pytest.raises(DataError, match=reason):
        read(record)


def test_a_group_without_its_rows_is_refused():
    with pytest.raises(MissingField, match="no field 'records'"):
        entity.grouped({"records": []}, **TRIPLE)
    with pytest.raises(DataError, match="a row of the group has no field 'tail'"):
        entity.grouped({"records": [{"head": "flu", "relation": "symptom"}]}, **TRIPLE)
