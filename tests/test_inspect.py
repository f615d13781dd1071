"""`medllm inspect`: what a run will see, and what is wrong with it."""

import pytest

from medllm import config
from medllm.config.check import top_keys
from tests.verbs import Places

CPT = ("experiments=world/cpt", "world=tiny", "model/start=world_s", "previous=none")
SFT = ("experiments=world/sft", "world=tiny", "model/start=world_s", "previous=none")


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    return Places(tmp_path_factory.mktemp("inspect"))


def test_rows_are_shown_as_the_run_will_draw_them_and_nothing_is_trained(places, capsys):
    """Batches of 20 rows: row 19 is of step 0, row 20 of step 1."""
    assert places.medllm("inspect", *CPT, "rows=2", "first=19") == 0
    said = capsys.readouterr().out
    assert "row 19, step 0: 128 tokens of" in said
    assert "row 20, step 1: 128 tokens of" in said
    assert "◆<|start|>⟦" in said
    assert said.endswith("nothing wrong was found\n")
    assert list(places.runs.rglob("*")) == []


def test_a_page_is_written_with_rows_and_statistics(places, tmp_path, capsys):
    """Books, papers and general text at 15:4:1, in every part of the run."""
    page = tmp_path / "rows.html"
    words = ("rows=1", "stats=true", f"html={page}", "stage.epochs=4")
    assert places.medllm("inspect", *CPT, *words) == 0
    said = capsys.readouterr().out
    assert "◆" not in said  # tables in place of rows
    assert "0.750 ███▊" in said
    assert said.splitlines()[-1] == f"page: {page}"
    text = page.read_text()
    for part in ('<span class="t learnt control"', "0.750 ███▊", 'id="figure-mix_tokens"'):
        assert part in text
    assert "What world_s will see" in text


def test_without_a_stage_every_row_is_alone(places, capsys):
    words = ("data=world_instructions", "model=world_s", "model/template=chat", "world=tiny")
    assert places.medllm("inspect", *words, "rows=3") == 0
    said = capsys.readouterr().out
    assert "row 2, step 2: " in said
    assert "of padding" not in said.partition("\n")[2]


def test_data_alone_is_counted_in_bytes(places, capsys):
    assert places.medllm("inspect", "data=world_knowledge", "world=tiny", "--stats") == 0
    said = capsys.readouterr().out
    assert "0.750 ███▊" in said
    assert "tokens fill 100.0% of the rows" in said


def test_all_that_is_wrong_is_told_after_it_is_shown(places, capsys):
    """A template wrong in three ways, in rows too short for some of the examples."""
    template = (
        "{{ bos_token }}{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>"
        "{% if m.role == 'assistant' %}{% generation %}{{ m.content }}<|user|>{% endgeneration %}"
        "{% else %}{{ m.content }}{% endif %}{% endfor %}"
        "{% if messages|length > 2 %}<|system|>{% endif %}"
    )
    quoted = '"' + template.replace('"', '\\"') + '"'
    words = (f"model.template.jinja={quoted}", "data.seq_len=40", "limits.truncated=0.01")
    assert places.medllm("inspect", *SFT, *words) == 2
    heard = capsys.readouterr()
    assert "◆<|start|>◆<|start|>◆<|user|>" in heard.out
    assert "medllm: this run cannot work:" in heard.err
    for problem in (
        "the end token '<|end|>' is learnt nowhere in the conversations of",
        "have an example that begins with '<|start|>' twice",
        "the chat template changes what it has written once more turns follow",
        "are cut at seq_len, more than limits.truncated=0.01",
    ):
        assert problem in heard.err


def test_pairs_are_shown_side_by_side(places, capsys):
    words = ("data=world_preferences", "model=world_s", "model/template=chat", "world=tiny")
    assert places.medllm("inspect", *words, "rows=1") == 0
    said = capsys.readouterr().out
    assert "pair 0, step 0" in said
    assert "chosen: " in said
    assert "rejected: " in said


@pytest.mark.parametrize(
    ("word", "problem"),
    [
        ("rows=-1", "rows=-1 is not a count; give 0 or more"),
        ("first=soon", "first='soon' is not a count; give 0 or more"),
        ("stats=5", "stats=5 is not true or false"),
        ("html=7", "html=7 is not the name of a file"),
        ("first=100000", "first=100000 is beyond the "),
        ("limits.truncated=high", "limits.truncated='high' is text, not a number"),
    ],
)
def test_a_key_that_cannot_be_is_refused(places, capsys, word, problem):
    assert places.medllm("inspect", *CPT, word) == 2
    assert f"  - {problem}" in capsys.readouterr().err


def test_every_key_of_train_is_taken_and_means_the_same():
    train, inspect = (config.compose(root, CPT) for root in ("train", "inspect"))
    assert top_keys("train", config.CONF).keys() <= top_keys("inspect", config.CONF).keys()
    assert {key: inspect[key] for key in train} == dict(train)
