"""The readers against real files; counts are those of ../shared/data/README.md."""

import pytest

from medllm.data.source.record import Malformed
from tests.data.source.test_formats import records

pytestmark = pytest.mark.data


@pytest.mark.parametrize(
    ("files", "format", "more", "count"),
    [
        ("exam/cmexam/test_with_annotations.csv", "csv", {}, 6),
        ("exam/mmlu/*/*.csv", "csv", {"columns": ["question", *"ABCD", "answer"]}, 441),
        ("exam/medmcqa/*.json", "jsonl", {}, 1_900),
        ("exam/pubmedqa/ori_pqal.json", "json", {}, 380),
        ("qa/huatuo26m/huatuo26M_test.json", "json", {}, 2_500),
        ("dialogue/toyhom/*.csv", "csv", {}, 3_800),
        ("dialogue/toyhom/*.txt", "lines", {}, 1_200),
        ("kg/medical_spo/Medical.spo", "tsv", {"columns": ["s", "p", "o"]}, 9_000),
        ("kg/umls/*.txt", "tsv", {"columns": ["s", "p", "o"]}, 5_868),
        ("kg/disease_ontology/*.obo", "obo", {}, 730),
        ("text/zh/tcm_books/*.txt", "text", {}, 11),
        ("text/en/medline/*.xml", "xml", {"at": "MedlineCitation"}, 70),
        ("text/en/medquad/*/*.xml", "xml", {"at": "Document"}, 191),
        ("unclear-licence/qa/medication_qa/*.xlsx", "xlsx", {}, 400),
    ],
)
def test_every_record_of_a_release_is_read(shared_data, files, format, more, count):
    found = [
        record
        for file in sorted(shared_data.glob(files))
        for _, record in records(file, format, encoding="auto", **more)
    ]
    assert len(found) == count
    assert not [record for record in found if isinstance(record, Malformed)]


def test_gb18030_is_found_without_being_told(shared_data):
    ((_, book),) = records(
        shared_data / "text/zh/tcm_books/457-伤寒论.txt", "text", encoding="auto"
    )
    assert book["name"] == "457-伤寒论"
    assert book["text"].startswith("\n<篇名>伤寒论\n书名：伤寒论\n作者：张仲景")
