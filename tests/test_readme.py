"""The README's commands are run, and the paths that it names are there."""

import re
import shlex

import pytest

from medllm import config
from tests.verbs import Places

README = (config.REPO / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    shlex.split(line)[1:]
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


@pytest.mark.slow
def test_every_command_does_what_it_says(tmp_path):
    places = Places(tmp_path)
    assert len(COMMANDS) == 7
    for words in COMMANDS:
        verb, *rest = words
        assert places.medllm(verb, *rest) == 0, words
    assert (tmp_path / "runs/world/tiny/report/index.html").stat().st_size > 10_000


@pytest.mark.parametrize("path", re.findall(r"\]\(([\w/.]+)\)", README))
def test_a_link_leads_somewhere(path):
    assert (config.REPO / path).exists()
