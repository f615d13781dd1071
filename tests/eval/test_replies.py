import pytest

from medllm.errors import DataError
from medllm.eval import replies
from medllm.types import Reply

MADE_BY = "greedy|new_tokens:8|prompt:01234567|template:none"


def test_replies_come_back_as_they_were(tmp_path):
    written = [Reply("q1", text="答案：C\n\u2028解释"), Reply("q2", logps={"A": -0.1, "B": -2.5})]
    replies.write(tmp_path / "replies.jsonl", written, made_by=MADE_BY)
    assert replies.read(tmp_path / "replies.jsonl") == (written, MADE_BY)
    assert [path.name for path in tmp_path.iterdir()] == ["replies.jsonl"]


def test_absent_replies_name_the_command(tmp_path):
    with pytest.raises(DataError, match=r"no replies at .*; run `medllm evaluate` first"):
        replies.read(tmp_path / "replies.jsonl")


def test_replies_of_two_scorers_are_refused(tmp_path):
    path = tmp_path / "replies.jsonl"
    replies.write(path, [Reply("q1")], made_by="one")
    first = path.read_text()
    replies.write(path, [Reply("q2")], made_by="two")
    path.write_text(first + path.read_text())
    with pytest.raises(DataError, match=r"one scorer, not of \['one', 'two'\]; delete it"):
        replies.read(path)
