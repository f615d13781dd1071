"""The README's commands are run, and the paths that it names are there."""

import re
import shlex

import pytest

from medllm import config
from tests.verbs import Places

README = (config.REPO / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    shlex.split(line, comments=True)[1:]
    for block in re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
    for line in block.splitlines()
    if line.startswith("medllm ")
]


def test_the_first_two_commands_are_demo_and_test():
    first = re.search(r"```sh\n(.*?)```", README, flags=re.DOTALL)
    assert first is not None
    assert [line.split("#")[0].split() for line in first[1].splitlines()] == [
        ["make", "demo"],
        ["make", "test"],
    ]


# Their verbs have tests of their own, some on a real Slurm.
CLUSTER = [
    words for words in COMMANDS if words[0] in ("status", "cancel") or "hardware=slurm2" in words
]
REAL = [words for words in COMMANDS if "real_smoke" in str(words) or words[0] == "inspect"]


@pytest.mark.slow
def test_every_command_does_what_it_says(tmp_path):
    places = Places(tmp_path)
    invented = [words for words in COMMANDS if words not in [*REAL, *CLUSTER]]
    assert (len(invented), len(CLUSTER)) == (7, 5)
    for verb, *rest in invented:
        assert places.medllm(verb, *rest) == 0, (verb, rest)
    assert (tmp_path / "runs/world/tiny/report/index.html").stat().st_size > 10_000


@pytest.mark.slow
@pytest.mark.data
def test_every_command_for_published_files_does_what_it_says(tmp_path, shared_data, monkeypatch):
    monkeypatch.chdir(tmp_path)
    places = Places(tmp_path)
    places.corpora = shared_data
    assert len(REAL) == 4
    for verb, *rest in REAL:
        assert places.medllm(verb, *rest) == 0, (verb, rest)
    assert (tmp_path / "rows.html").stat().st_size > 10_000
    assert (tmp_path / "vocabularies/tcm/tokenizer.json").is_file()


@pytest.mark.parametrize("path", re.findall(r"\]\(([\w/.]+)\)", README))
def test_a_link_leads_somewhere(path):
    assert (config.REPO / path).exists()
