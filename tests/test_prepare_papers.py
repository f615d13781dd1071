"""The data of the four papers, each made from the real files by one command."""

import json
from pathlib import Path

import pytest

from tests.verbs import Places

STAGE = ("stage=sft", "stage.epochs=1", "stage.optimizer.learning_rate=1e-4")
# Examples that other texts and exams took, by source; the sources that lost none are not named.
LOST = {
    "qilin_cpt": {"huatuo26m": 1, "cmexam": 45, "consultations": 201, "dialogues": 3},
    "qilin_sft": {"alpaca": 1, "explanations": 45, "consultations": 201, "dialogues": 3},
    "qilin_dpo": {},
    "pmc_llama_knowledge": {},
    "pmc_llama_instruct": {"medqa": 2, "medmcqa": 7, "medmcqa_explained": 4},
    "huatuo2": {
        "web_cn": 1,
        "web_en": 51,
        "literature_cn": 3,
        "encyclopedia_cn": 7,
        "encyclopedia_en": 11,
    },
    "bentsao": {},
}


@pytest.fixture(scope="module")
def places(tmp_path_factory, shared_data):
    made = Places(tmp_path_factory.mktemp("papers"))
    made.corpora = shared_data
    return made


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("name", LOST)
def test_one_command_makes_it(places, name, capsys):
    words = (
        f"data={name}",
        "model=real_smoke",
        "model/template=chatml",
        "name=papers",
        "stage.global_batch=20",
    )
    assert places.medllm("prepare", *words, *STAGE) == 0
    said = capsys.readouterr().out
    folders = [line.split(": ")[1] for line in said.splitlines() if f": {places.stores}" in line]
    manifests = [
        json.loads(Path(folder, "manifest.json").read_text(encoding="utf-8")) for folder in folders
    ]
    lost = {
        folder.rsplit("/", 1)[1].rpartition("-")[0]: manifest["removed"]["examples"]
        for folder, manifest in zip(folders, manifests, strict=True)
        if manifest["removed"]["examples"]
    }
    assert lost == LOST[name]
