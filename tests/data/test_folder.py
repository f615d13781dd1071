"""Folders that are whole or not there."""

import errno
import json
import multiprocessing
import time

import pytest

from medllm.data import folder as folders
from medllm.errors import ConfigError, UserError


def filled(work):
    (work / "a.txt").write_text("abc")
    return {"says": 1}


def test_a_folder_gets_its_name_when_everything_is_in_it(tmp_path):
    at = tmp_path / "x"
    said = folders.made(at, version=1, make=filled)
    assert said == {"version": 1, "says": 1, "bytes": {"a.txt": 3}}
    assert (at / "a.txt").read_text() == "abc"


def test_a_good_folder_is_not_made_again(tmp_path):
    folders.made(tmp_path / "x", version=1, make=filled)
    before = (tmp_path / "x/manifest.json").stat().st_mtime_ns
    said = folders.made(tmp_path / "x", version=1, make=lambda work: {"says": 2})
    assert said["says"] == 1
    assert (tmp_path / "x/manifest.json").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda at: (at / "manifest.json").unlink(), "it has no complete manifest"),
        (lambda at: (at / "manifest.json").write_text('{"a'), "it has no complete manifest"),
        (lambda at: (at / "a.txt").write_text("ab"), "a.txt does not have its 3 bytes"),
        (lambda at: (at / "a.txt").unlink(), "a.txt does not have its 3 bytes"),
    ],
)
def test_a_damaged_folder_is_made_anew(tmp_path, caplog, damage, why):
    folders.made(tmp_path / "x", version=1, make=filled)
    damage(tmp_path / "x")
    folders.made(tmp_path / "x", version=1, make=filled)
    assert (tmp_path / "x/a.txt").read_text() == "abc"
    assert caplog.messages == [f"making {tmp_path / 'x'} anew: {why}"]


def test_a_folder_of_another_version_is_made_anew(tmp_path):
    folders.made(tmp_path / "x", version=1, make=filled)
    assert folders.fault(tmp_path / "x", 2) == "it is of version 1, this is 2"
    assert folders.made(tmp_path / "x", version=2, make=filled)["version"] == 2


def test_a_stale_folder_is_made_anew(tmp_path, caplog):
    folders.made(tmp_path / "x", version=1, make=filled)
    stale = iter(["its file has changed", "its file has changed"])
    folders.made(tmp_path / "x", version=1, make=filled, stale=lambda said: next(stale))
    assert caplog.messages == [f"making {tmp_path / 'x'} anew: its file has changed"]


def test_what_a_crash_leaves_is_found_again(tmp_path):
    def crash(work):
        (work / "part").write_text("1")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        folders.made(tmp_path / "x", version=1, make=crash)
    assert not (tmp_path / "x").exists()
    folders.made(tmp_path / "x", version=1, make=lambda work: {"found": (work / "part").exists()})
    assert json.loads((tmp_path / "x/manifest.json").read_text())["found"]


def test_what_a_refusal_leaves_has_no_name_and_is_found_again(tmp_path):
    """A forgotten variable of the environment must not cost hours of work."""

    def refuse(work):
        (work / "part").write_text("1")
        raise ConfigError(["no such variable is set"])

    with pytest.raises(ConfigError, match="no such variable"):
        folders.made(tmp_path / "x", version=1, make=refuse)
    assert not (tmp_path / "x").exists()
    said = folders.made(
        tmp_path / "x", version=1, make=lambda work: {"part": (work / "part").read_text()}
    )
    assert said["part"] == "1"


def test_work_of_another_version_is_not_gone_on_with(tmp_path):
    (folders.begun(tmp_path / "x", 1) / "part").write_text("1")
    said = folders.made(
        tmp_path / "x", version=2, make=lambda work: {"found": len(list(work.iterdir()))}
    )
    assert said["found"] == 0


def test_a_kill_just_before_the_new_name_spoils_nothing(tmp_path):
    work = folders.begun(tmp_path / "x", 1)
    for left in ("manifest.json", ".manifest.json.new"):
        (work / left).write_text("{}")
    folders.made(tmp_path / "x", version=1, make=filled)
    assert folders.fault(tmp_path / "x", 1) == ""


def test_a_full_disk_is_told_with_what_to_do(tmp_path):
    def full(work):
        raise OSError(errno.ENOSPC, "no space left on device")

    with pytest.raises(UserError, match=r"no space left on the disk of .*change paths.stores"):
        folders.made(tmp_path / "x", version=1, make=full)


def _slow(work):
    (work / "made").touch(exist_ok=False)  # the second of two would fail
    time.sleep(0.5)
    return {}


def test_two_processes_make_it_once(tmp_path):
    fork = multiprocessing.get_context("fork")
    both = [
        fork.Process(
            target=folders.made, args=(tmp_path / "x",), kwargs={"version": 1, "make": _slow}
        )
        for _ in range(2)
    ]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert [each.exitcode for each in both] == [0, 0]
