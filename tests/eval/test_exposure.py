import json

import pytest
import yaml

from medllm.errors import DataError
from medllm.eval.exposure import ancestors, exposure

BASE, SFT, DPO = "world/base/11111111", "world/sft/22222222", "world/dpo/33333333"


def match(kind, *, dropped=False):
    return {"kind": kind, "source": "books", "example": "b/1", "dropped": dropped}


def write(runs, run_id, previous, *, matched=None, digest="aaaa"):
    """A run folder; `matched` None for one that was checked against nothing."""
    folder = runs / run_id
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump({"run_id": run_id, "previous": previous}))
    if matched is not None:
        found = {"exam": {"digest": digest, "questions": 3, "matched": matched}}
        (folder / "contamination.json").write_text(json.dumps({"benchmarks": found}))
    return folder


def test_a_run_has_seen_what_any_run_before_it_has_and_did_not_drop(tmp_path):
    base = {"q/1": match("answer"), "q/2": match("question"), "q/3": match("answer", dropped=True)}
    write(tmp_path, BASE, None, matched=base)
    write(tmp_path, SFT, BASE, matched={"q/1": match("question"), "q/2": match("answer")})
    last = write(tmp_path, DPO, SFT, matched={})
    found = exposure(last, "exam", "aaaa")
    assert list(found.unchecked_runs) == []
    assert found.seen == {"q/1": "answer", "q/2": "answer"}


def test_a_chain_is_unchecked_where_one_run_is(tmp_path):
    """SFT was held against no benchmark, BASE against other questions of it."""
    write(tmp_path, BASE, None, matched={}, digest="bbbb")
    write(tmp_path, SFT, BASE)
    last = write(tmp_path, DPO, SFT, matched={"q/1": match("question")})
    found = exposure(last, "exam", "aaaa")
    assert found.unchecked_runs == [SFT, BASE]
    assert found.seen == {"q/1": "question"}
    assert exposure(last, "talk", "aaaa").unchecked_runs == [DPO, SFT, BASE]


def test_a_run_that_is_gone_is_unchecked_and_ends_the_chain(tmp_path):
    last = write(tmp_path, SFT, BASE, matched={})
    assert [run_id for run_id, _ in ancestors(last)] == [SFT, BASE]
    assert exposure(last, "exam", "aaaa").unchecked_runs == [BASE]


def test_a_run_without_a_config_stands_for_itself(tmp_path):
    assert [run_id for run_id, _ in ancestors(tmp_path / "old")] == ["old"]


@pytest.mark.parametrize("content", ["{", '{"sources": {}}'])
def test_a_broken_contamination_file_is_refused(tmp_path, content):
    last = write(tmp_path, BASE, None)
    (last / "contamination.json").write_text(content)
    with pytest.raises(DataError, match=r"contamination.json is not what training writes"):
        exposure(last, "exam", "aaaa")
