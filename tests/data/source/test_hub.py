"""Datasets of the hub, from a server on this machine that answers as the hub does."""

import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from medllm.data.source import hub
from medllm.errors import DataError
from tests.conftest import REPO

FILES = {
    "data/a-0.jsonl": b'{"text": "one"}\n',
    "data/a-1.jsonl": b'{"text": "two"}\n{"text": "three"}\n',
    "data/b.jsonl": b'{"text": "other"}\n',
    "deep/x/c.jsonl": b'{"text": "deep"}\n',
    "lost.jsonl": b"x",
}
COMMITS = {"main": "1" * 40, "v1": "2" * 40}
READ = """
import sys
from functools import partial
from medllm.data.source import text
from medllm.data.source.read import Quarantine, Source
from medllm.errors import DataError
for files in sys.argv[1:]:
    source = Source(files=files, format="jsonl", encoding="auto", limit=None,
                    to_example=partial(text.document, text="text"), has_patient_data=False)
    try:
        print([[e.id, e.text] for e in source.examples(Quarantine())])
    except DataError as error:
        print(error)
"""


class Hub(BaseHTTPRequestHandler):
    """What the hub says of the dataset owner/name: its commits, its tree, its files."""

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = self.path.split("?")[0].removeprefix("/api")
        revision = path.removeprefix("/datasets/owner/name/revision/")
        tree = path.removeprefix("/datasets/owner/name/tree/")
        commit, _, file = path.removeprefix("/datasets/owner/name/resolve/").partition("/")
        if not path.startswith("/datasets/owner/name/"):
            self.answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        elif revision in COMMITS:
            said = {"id": "owner/name", "sha": COMMITS[revision], "siblings": []}
            self.answer(200, json.dumps(said).encode())
        elif tree in COMMITS.values():
            self.answer(200, json.dumps([self.leaf(file) for file in FILES]).encode())
        elif file == "lost.jsonl" and self.command == "GET":
            self.answer(500, b"{}")
        elif commit in COMMITS.values() and file in FILES:
            self.answer(200, FILES[file], {"ETag": f'"{hash(file):x}"', "X-Repo-Commit": commit})
        else:
            self.answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"})

    def leaf(self, file):
        return {"type": "file", "path": file, "size": len(FILES[file]), "oid": f"{hash(file):x}"}

    def answer(self, status, content, headers=None):
        self.send_response(status)
        for key, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """What a process that knows this hub, or none, prints of the sources it is asked for."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Thread(target=server.serve_forever, daemon=True).start()
    home = tmp_path_factory.mktemp("hub")

    def run(*files, offline="0"):
        known = {
            "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
            "HF_HOME": str(home),
            "HF_HUB_OFFLINE": offline,
            "HF_HUB_DISABLE_XET": "1",
        }
        return subprocess.check_output(
            [sys.executable, "-c", READ, *files], text=True, cwd=REPO, env=os.environ | known
        ).splitlines()

    yield run
    server.shutdown()


def test_a_dataset_is_downloaded_and_read_by_pattern(read):
    """Online, then offline from what was downloaded, of which b.jsonl is no part."""
    a, pinned, deep = (
        "hf://datasets/owner/name/data/a-*.jsonl",
        "hf://datasets/owner/name@v1/data/a-0.jsonl",
        "hf://datasets/owner/name/**/c.jsonl",
    )
    found = [
        "[['a-0/1', 'one'], ['a-1/1', 'two'], ['a-1/2', 'three']]",
        "[['a-0/1', 'one']]",
        "[['deep/x/c/1', 'deep']]",
    ]
    assert read(a, pinned, deep) == found
    assert read(a, pinned, deep, offline="1") == found
    (told,) = read("hf://datasets/owner/name/data/b.jsonl", offline="1")
    assert told == (
        "the hub cannot be reached, and not all of 'hf://datasets/owner/name/data/b.jsonl' was "
        "downloaded before; run this once online and without HF_HUB_OFFLINE, or copy the files "
        "here and name them in the source's `files`"
    )


def test_a_download_that_fails_is_told(read):
    (told,) = read("hf://datasets/owner/name/lost.jsonl")
    assert told.startswith(
        "'hf://datasets/owner/name/lost.jsonl' was not downloaded whole: Server error '500 "
    )
    assert told.endswith("; start again to go on")


def test_what_the_hub_does_not_have_is_told(read):
    assert read(
        "hf://datasets/owner/other/a.jsonl",
        "hf://datasets/owner/name@v9/data/a-0.jsonl",
        "hf://datasets/owner/name/data/z.jsonl",
    ) == [
        "the hub shows no dataset 'owner/other'; check the name, or if it is gated or private, "
        "log in with `hf auth login`",
        "dataset 'owner/name' has no revision 'v9'",
        "no file at 'hf://datasets/owner/name/data/z.jsonl'; change the source's `files`",
    ]


@pytest.mark.parametrize("url", ["hf://datasets/name", "hf://datasets/o/n", "hf://o/n/a.jsonl"])
def test_what_is_no_file_of_a_dataset_is_refused(url):
    with pytest.raises(DataError, match=f"'{url}' is not of the form hf://datasets/owner/name@rev"):
        hub.downloaded(url)


def test_offline_without_a_download_says_what_to_do():
    with pytest.raises(DataError, match="the hub cannot be reached, and not all of 'hf://datas"):
        hub.downloaded("hf://datasets/nobody/knows/this/*.parquet")
