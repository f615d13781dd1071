"""Configured sources whose files are not among ours, on small files of the published form."""

import gzip
import json

from hydra.utils import instantiate
from omegaconf import OmegaConf

from medllm.data.source.read import Quarantine
from tests.conftest import REPO
from tests.data.source.test_entity import row_39
from tests.data.source.test_papers import s2orc_record


def texts(name, corpora):
    node = OmegaConf.load(REPO / f"conf/data/source/{name}.yaml")
    cfg = OmegaConf.create({"paths": {"corpora": str(corpora)}, "source": node})
    quarantine = Quarantine()
    source = instantiate(cfg.source, _convert_="all")
    return [each.text for each in source.examples(quarantine)], quarantine.rejected


def test_39health_is_a_csv_in_gb18030(tmp_path):
    row, file = row_39(), tmp_path / "kg/health39/disease.csv"
    file.parent.mkdir(parents=True)
    file.write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n", encoding="gb18030")
    assert texts("health39", tmp_path) == (
        [
            "疾病 乙肝 的别名有：乙型肝炎、HBV\n疾病 乙肝 的发病部位有：肝\n"
            "疾病 乙肝 的传染性：有传染性\n疾病 乙肝 的症状有：转氨酶增高、食欲不振\n"
            "疾病 乙肝 所属科室有：传染科、肝病\n疾病 乙肝 可用药品包括：拉米夫定片、阿德福韦酯"
        ],
        [],
    )


def test_cmekg_is_a_record_a_line(tmp_path):
    (tmp_path / "kg/cmekg").mkdir(parents=True)
    record = {"中心词": "偏头痛", "相关症状": ["头痛", "恶心"], "发病部位": ["头部"]}
    (tmp_path / "kg/cmekg/cmekg.jsonl").write_text(json.dumps(record), encoding="utf-8")
    assert texts("cmekg", tmp_path) == (
        ["偏头痛的相关症状：头痛、恶心\n偏头痛的发病部位：头部"],
        [],
    )


def test_s2orc_keeps_what_has_a_pubmed_central_id(tmp_path):
    (tmp_path / "text/en/s2orc").mkdir(parents=True)
    papers = [s2orc_record(), s2orc_record(externalids={"pubmedcentral": None})]
    with gzip.open(tmp_path / "text/en/s2orc/part.jsonl.gz", "wt") as lines:
        lines.writelines(json.dumps(paper) + "\n" for paper in papers)
    told, rejected = texts("s2orc_pmc", tmp_path)
    assert told == ["Fever\nFever is high [1].\nReferences"]
    assert [(each.line, each.reason) for each in rejected] == [
        (2, "no PubMed Central id in 'externalids.pubmedcentral'")
    ]
