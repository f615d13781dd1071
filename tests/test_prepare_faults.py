"""`medllm prepare` under kill -9 and on a full disk: never a wrong store, never a lost record."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from medllm.data import build

REPO = Path(__file__).parent.parent
FILES, RECORDS = 12, 400


def corpus(folder: Path) -> None:
    """Files of documents that no two are alike, with a broken line in each."""
    folder.mkdir(parents=True)
    word = random.Random(0)
    for number in range(FILES):
        lines = [
            json.dumps(
                {"text": " ".join(word.choice(("fever", "cough", "rest")) for _ in range(300))}
            )
            for _ in range(RECORDS)
        ]
        lines.insert(number * 10, '{"text": ')
        (folder / f"{number:02d}.jsonl").write_text("\n".join(lines))


def command(folder: Path, *words: str) -> list[str]:
    places = [f"paths.{name}={folder / name}" for name in ("stores", "runs")]
    return [
        *(sys.executable, "-m", "medllm.cli", "prepare", "experiments=world/base", "world=tiny"),
        f"paths.corpora={folder / 'corpora'}",
        f"data.sources.general.files={folder / 'raw/*.jsonl'}",
        "preparation.workers=1",
        *places,
        *words,
    ]


def started(argv: list[str]) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(REPO), "HF_HUB_OFFLINE": "1"}
    return subprocess.Popen(
        argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def content(stores: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(stores)): file.read_bytes()
        for file in sorted(stores.rglob("*"))
        if file.is_file() and ".locks" not in file.parts
    }


@pytest.mark.slow
def test_ten_kills_at_random_moments_leave_the_store_of_an_undisturbed_run(tmp_path):
    corpus(tmp_path / "raw")
    quiet = started(command(tmp_path))
    begun = time.monotonic()
    said, _ = quiet.communicate()
    assert quiet.returncode == 0, said
    lasts = time.monotonic() - begun
    expected = content(tmp_path / "stores")
    (manifest,) = (tmp_path / "stores/rows").glob("general-*/manifest.json")
    counts = json.loads(manifest.read_text())
    assert (counts["examples"], counts["quarantined"]) == (FILES * RECORDS, FILES)

    (tmp_path / "stores").rename(tmp_path / "undisturbed")
    moment = random.Random(1)
    for _ in range(10):
        victim = started(command(tmp_path))
        time.sleep(moment.uniform(0.3, 1.0) * lasts)
        os.kill(victim.pid, signal.SIGKILL)
        victim.communicate()
        for place in ("corpora", "tokens", "rows"):  # what has its name is whole
            for folder in (tmp_path / "stores" / place).glob("[!.]*"):
                assert (folder / "manifest.json").exists()
    last = started(command(tmp_path))
    said, _ = last.communicate()
    assert last.returncode == 0, said
    assert content(tmp_path / "stores") == expected


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 3 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small tmpfs")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.slow
def test_a_full_disk_is_told_and_prepared_on_once_there_is_room(tmp_path, small_disk):
    corpus(tmp_path / "raw")
    argv = command(tmp_path, f"paths.stores={small_disk}")
    full = started(argv)
    said, _ = full.communicate()
    assert full.returncode == 2, said
    assert f"no space left on the disk of {small_disk}" in said
    assert "change paths.stores" in said
    assert "Traceback" not in said
    assert not list(small_disk.glob("rows/[!.]*"))
    whole = {file: file.stat().st_mtime_ns for file in small_disk.rglob("*-*.json")}
    assert whole  # some files were finished

    subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
    again = started(argv)
    said, _ = again.communicate()
    assert again.returncode == 0, said
    (manifest,) = small_disk.glob("rows/general-*/manifest.json")
    assert json.loads(manifest.read_text())["examples"] == FILES * RECORDS
    assert json.loads(manifest.read_text())["version"] == build.VERSION
    (gathered,) = small_disk.glob("corpora/general-*")
    kept = {gathered / file.name: time for file, time in whole.items()}
    assert kept == {file: file.stat().st_mtime_ns for file in kept}
