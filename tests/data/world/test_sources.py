"""Every file of the world is read by the config written for it, without a loss."""

import pytest

from medllm import config
from medllm.data.source.read import Quarantine

SOURCES = sorted(file.stem for file in (config.CONF / "data/source").glob("world_*.yaml"))


@pytest.fixture(scope="module")
def composed(world):
    """A train config with every source of the world in it."""
    extra = [f"+data/source@data.sources.{name}={name}" for name in SOURCES]
    place = [f"world.folder='{world.folder}'"]
    return config.compose("train", ["experiments=world/base", *extra, *place])


def test_the_sources_are_found():
    assert {"world_textbook", "world_exam", "world_preference"} <= set(SOURCES)


@pytest.mark.parametrize("name", SOURCES)
def test_nothing_is_quarantined_by(name, composed, world):
    source = config.instantiate(composed.data.sources[name])
    quarantine = Quarantine()
    examples = list(source.examples(quarantine))
    assert quarantine.rejected == []
    records = [
        world.table(path.name) if path.suffix == ".csv" else world.lines(path.name)
        for path in source.paths()
    ]
    assert len(examples) == sum(map(len, records)) > 0


@pytest.mark.parametrize(
    ("name", "asked"),
    [("world_exam", 40), ("world_open", 40), ("world_exam_written", 40)],
)
def test_a_benchmark_asks_of_the_examined_diseases(name, asked, world):
    """4 diseases, 5 relations, 2 ways of asking."""
    place = [f"world.folder='{world.folder}'"]
    cfg = config.compose("evaluate", [f"benchmark={name}", "world=tiny", "run=none", *place])
    quarantine = Quarantine()
    questions = config.instantiate(cfg.benchmark).read(quarantine)
    assert (len(questions), len(quarantine)) == (asked, 0)
    assert all(any(name in q.text for name in world.examined()) for q in questions)
