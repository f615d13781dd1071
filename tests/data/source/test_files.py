"""Which files a pattern names, and what they are called in ids."""

from pathlib import Path

import pytest

from medllm.data.source.files import name, paths
from medllm.errors import DataError


@pytest.mark.parametrize(
    ("pattern", "file", "called"),
    [
        ("/d/books.jsonl", "/d/books.jsonl", "books"),
        ("/d/books.jsonl.gz", "/d/books.jsonl.gz", "books"),
        ("/d/2021_1.exam.json", "/d/2021_1.exam.json", "2021_1.exam"),
        ("/d/a [1].txt", "/d/a [1].txt", "a [1]"),
        ("/d/*.txt", "/d/457-伤寒论.txt", "457-伤寒论"),
        ("/d/*/*_dev.csv", "/d/zh/a_dev.csv", "zh/a_dev"),
        ("/d/**/test.jsonl", "/d/a/b/test.jsonl", "a/b/test"),
        ("/d/*.jsonl.zst", "/d/a.jsonl.zst", "a"),
        ("/d/*", "/d/a.txt", "a.txt"),
        ("/d/*.json*", "/d/a.json", "a.json"),
        ("*.txt", "a.txt", "a"),
        ("hf://datasets/o/n@main/data/*/x-*.parquet",
         "/c/datasets--o--n/snapshots/0a1b/data/zh/x-0.parquet", "zh/x-0"),
        ("hf://datasets/o/n/x.json", "/c/datasets--o--n/snapshots/0a1b/x.json", "x"),
    ],
)  # fmt: skip
def test_a_file_is_called_by_its_path_below_the_fixed_part_of_the_pattern(pattern, file, called):
    assert name(pattern, Path(file)) == called


def test_a_name_that_looks_like_a_pattern_is_still_a_name(tmp_path):
    (tmp_path / "a [1].txt").write_text("x")
    assert paths(str(tmp_path / "a [1].txt")) == [tmp_path / "a [1].txt"]


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "books.txt").mkdir()
    with pytest.raises(DataError, match=r"books.txt' is a folder; let the source's `files` name"):
        paths(str(tmp_path / "books.txt"))


def test_a_folder_among_the_files_is_passed_over(tmp_path):
    (tmp_path / "b.txt").mkdir()
    (tmp_path / "a.txt").write_text("x")
    assert paths(str(tmp_path / "*.txt")) == [tmp_path / "a.txt"]
