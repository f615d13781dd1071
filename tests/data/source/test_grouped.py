"""Records of one thing, brought together."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medllm.data.source.grouped import GroupedSource
from medllm.data.source.read import Quarantine
from medllm.data.source.record import MissingColumn
from medllm.types import Document


def told(record, id):
    rows = record["records"]
    return Document(id, rows[0]["head"] + ":" + ",".join(row["tail"] for row in rows))


def source(file, **change):
    given = {"files": str(file), "format": "tsv", "encoding": "utf-8", "columns": ["head", "tail"]}
    given |= {"to_example": told, "limit": None, "has_patient_data": False, "by": "head"}
    return GroupedSource(**given | change)


def test_scattered_rows_come_together_at_the_line_of_the_first(tmp_path):
    (tmp_path / "kg.tsv").write_text("flu\tfever\ngout\trest\nflu\tcough\n")
    examples = list(source(tmp_path / "kg.tsv").examples(Quarantine()))
    assert sorted((each.id, each.text) for each in examples) == [
        ("kg/1", "flu:fever,cough"),
        ("kg/2", "gout:rest"),
    ]


def test_a_row_without_a_subject_is_left_out_and_said_to_be(tmp_path):
    (tmp_path / "kg.tsv").write_text("flu\tfever\n\tcough\nflu\n")
    quarantine = Quarantine()
    assert len(list(source(tmp_path / "kg.tsv").examples(quarantine))) == 1
    assert sorted((each.line, each.reason) for each in quarantine.rejected) == [
        (2, "field 'head' is empty"),
        (3, "1 fields, where the header has 2"),
    ]


def test_a_table_without_the_column_is_refused(tmp_path):
    (tmp_path / "kg.tsv").write_text("flu\tfever\n")
    wrong = source(tmp_path / "kg.tsv", by="haed")
    with pytest.raises(MissingColumn, match=r"kg.tsv has no column 'haed'; its columns are 'head'"):
        list(wrong.examples(Quarantine()))


def test_a_json_record_without_the_field_costs_only_itself(tmp_path):
    (tmp_path / "kg.jsonl").write_text('{"tail": "rest"}\n{"head": "flu", "tail": "fever"}\n')
    quarantine = Quarantine()
    lines = source(tmp_path / "kg.jsonl", format="jsonl", columns=None)
    assert [each.text for each in lines.examples(quarantine)] == ["flu:fever"]
    assert [each.reason for each in quarantine.rejected] == ["no field 'head'"]


@given(rows=st.lists(st.tuples(st.sampled_from("abcdefg甲乙"), st.integers(0, 9)), min_size=1))
def test_no_row_is_lost_or_doubled_and_the_order_in_a_group_stays(tmp_path_factory, rows):
    file = tmp_path_factory.mktemp("kg") / "kg.tsv"
    file.write_text("".join(f"{head}\t{tail}\n" for head, tail in rows), encoding="utf-8")
    expected = defaultdict(list)
    for head, tail in rows:
        expected[head].append(str(tail))
    found = dict(e.text.split(":") for e in source(file).examples(Quarantine()))
    assert found == {head: ",".join(tails) for head, tails in expected.items()}
