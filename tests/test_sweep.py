"""How many points a line with -m makes, and what happens when one of them fails."""

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from medllm.config import HYDRA, folder_of
from medllm.errors import Stopped, UserError
from medllm.sweep import Sweep, points


@pytest.fixture
def loader():
    with initialize_config_dir(str(folder_of("train")), version_base="1.3"):
        yield GlobalHydra.instance().config_loader()


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (["experiments=world/base"], 1),
        (["seed=1,2,3"], 3),
        (["seed=1,2,3", "model=world_s,world_m", "stage.epochs=4"], 6),
        (["seed=range(1,10,3)"], 3),  # 1, 4, 7
        (["world=glob(*)"], 3),  # large, small, tiny
        (["world=glob(*,exclude=tiny)"], 2),
        (["data=choice(world_general,world_knowledge)"], 2),
        (["name='a,b'"], 1),  # a comma inside quotes
        (["overrides=[a,b],[c]"], 2),  # a list is one value
        (["seed=1,2", "seed=3"], 1),  # the last counts
        (["+previous=a,b", "~world"], 2),
        ([*HYDRA, "seed=1,2"], 2),
    ],
)
def test_points_are_counted_as_hydra_makes_them(loader, words, count):
    assert points(words, loader, {}) == count


def test_what_the_config_sweeps_counts_too(loader):
    assert points(["seed=1,2"], loader, {"stage.epochs": "1,2,3"}) == 6


def test_a_failed_point_is_told_and_the_others_go_on(capsys):
    sweep = Sweep(points=3, number=1)
    with sweep.going_on():
        raise UserError("no bread")
    assert capsys.readouterr().err == "medllm: point 2 of 3 failed: no bread\n"
    sweep.close()  # there is one more to come
    sweep.number = 2
    with pytest.raises(UserError, match=r"1 of 3 points failed; .*\n  point 2: no bread"):
        sweep.close()


def test_points_that_fail_alike_are_told_in_one_line():
    sweep = Sweep(points=4)
    for sweep.number in range(4):
        with sweep.going_on():
            if sweep.number != 1:
                raise UserError("no bread")
    with pytest.raises(UserError, match=r"3 of 4 points failed; .*\n  point 1, 3, 4: no bread$"):
        sweep.close()


def test_a_bug_in_one_point_is_noted_and_raised():
    sweep = Sweep(points=2)
    with pytest.raises(ZeroDivisionError), sweep.going_on():
        _ = 1 / 0
    assert sweep.failed == {0: "ZeroDivisionError: division by zero"}


def test_a_line_of_one_point_fails_at_once():
    with pytest.raises(UserError, match="no bread"), Sweep(points=1).going_on():
        raise UserError("no bread")


def test_a_signal_ends_all_points():
    sweep = Sweep(points=2)
    with pytest.raises(Stopped), sweep.going_on():
        raise Stopped("told to stop", 143)
    assert not sweep.failed


def test_a_large_sweep_wants_its_name():
    sweep = Sweep(points=33)
    sweep.allow(64, limit=64, name="world/base", confirm=None)
    wanted = (
        "this sweep of 33 points may train 66 runs, more than sweep_limit=64; "
        "to queue them all add confirm=world/base"
    )
    with pytest.raises(UserError, match=wanted):
        sweep.allow(66, limit=64, name="world/base", confirm=None)
    with pytest.raises(UserError, match="and confirm=true is not its name"):
        sweep.allow(66, limit=64, name="world/base", confirm="true")
    sweep.allow(66, limit=64, name="world/base", confirm="world/base")
