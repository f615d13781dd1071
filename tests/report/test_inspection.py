"""What `medllm inspect` shows."""

import io
import re
import stat

import numpy as np
import pytest
from rich.console import Console
from rich.table import Table

from medllm.report.inspection import Inspection
from medllm.report.panel import Line, Panel
from medllm.report.rows import Piece, Segment, Side, View

SEGMENT = Segment(source="books", first=0, pieces=[Piece("fever", (70,), True, False)])
ROW = View(number=0, step=0, sides=[Side(name="", segments=[SEGMENT], padding=0)])
LINE = Line(label="books", colour=0, x=np.array([1.0, 9.0]), y=np.array([0.0, 1.0]))


def table():
    made = Table(title="the mix", caption="in short")
    made.add_column("source")
    made.add_column("share")
    made.add_row("books & co", "0.500 ██▌")
    return made


def found(**changed):
    panel = Panel(name="lengths", title="t", x_label="x", y_label="y", lines=[LINE])
    given = {"title": "world/<sft>", "lead": "What it will see.", "sources": ["books"]}
    given |= {"patients": [], "views": [ROW], "tables": [table()], "panels": [panel]}
    return Inspection(**{**given, "problems": [], **changed})


def printed(inspection):
    file = io.StringIO()
    inspection.print(Console(file=file, width=80))
    return file.getvalue()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "new" / "rows.html"
    found(patients=["talk"], problems=["3 of 9 rows <wrong>"]).write(file)
    return file


def test_the_page_holds_problems_rows_tables_and_figures(page):
    text = page.read_text()
    assert "<h1>world/&lt;sft&gt;</h1>" in text
    assert "<li>3 of 9 rows &lt;wrong&gt;</li>" in text
    assert '<span class="t learnt" title="id 70 at 0, learnt">fever</span>' in text
    assert '<tr><th scope="row">books &amp; co</th><td>0.500 ██▌</td></tr>' in text
    assert '<figure id="figure-lengths">' in text
    assert "in short" in text


def test_nothing_is_fetched_from_anywhere(page):
    text = page.read_text()
    addresses = re.findall(r'(?:src|srcset|href|url|action)\s*[=(]\s*"?([^">\s)]+)', text)
    assert addresses
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert "<script" not in text


def test_text_about_patients_is_announced_and_kept_from_others(page):
    head = page.read_text().partition("<main>")[0]
    assert "Holds text about real patients (talk), shown on this machine only" in head
    assert stat.S_IMODE(page.stat().st_mode) == 0o600


def test_other_text_is_not_announced(tmp_path):
    found(tables=[], panels=[]).write(tmp_path / "rows.html")
    assert "real patients" not in (tmp_path / "rows.html").read_text()


def test_the_terminal_shows_rows_and_says_so_when_nothing_is_wrong():
    text = printed(found(tables=[], patients=["books"]))
    assert "⟦fever⟧" in text
    assert "Holds text about real patients (books)" in text
    assert text.endswith("nothing wrong was found\n")


def test_the_terminal_shows_tables_in_place_of_rows():
    text = printed(found(problems=["wrong"]))
    assert "0.500 ██▌" in text
    assert "fever" not in text
    assert "nothing wrong" not in text
