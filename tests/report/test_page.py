import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from medllm.errors import ConfigError
from medllm.report import page
from medllm.report.collect import collect
from tests.report.conftest import BASE, CPT_E, CPT_K, DPO_K, NAME, write_recipe


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The report of the small recipe, written once: drawing takes seconds."""
    there = tmp_path_factory.mktemp("page")
    page.write(collect(write_recipe(there / "runs"), NAME), there / "report", replies=3)
    return there / "report"


@pytest.fixture(scope="module")
def text(folder):
    return (folder / "index.html").read_text(encoding="utf-8")


def test_scores_and_intervals_are_on_the_page(text):
    assert '<td>0.750<span class="sign">▲</span><small>0.650–0.850</small></td>' in text
    assert "0.250 → 0.750" in text
    assert '<td class="absent">not run</td>' in text
    assert "shared by 2" in text


def test_a_benchmark_that_nobody_checked_is_marked(text):
    assert ">exam<small>4 of 4 runs unchecked</small></th>" in text


def test_the_page_says_what_was_run(text):
    """Four runs of 2,000 tokens and 10 s each; six passes over five runs."""
    for fact in ("4 of 5", "40 s", "8 k", "01234567", "200"):
        assert fact in text
    assert "base → cpt → dpo, swept over data (elsewhere, knowledge) and seed (1)." in text


def test_the_page_says_that_it_is_for_research_only(text):
    assert "For research use only" in text
    assert "nothing here is medical advice" in text


def test_nothing_is_fetched_from_anywhere(text):
    addresses = re.findall(r'(?:src|srcset|href|url|action)\s*[=(]\s*"?([^">\s)]+)', text)
    assert addresses
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert "http" not in text.replace("http-equiv", "")
    assert "<script" not in text


def test_replies_are_escaped(text):
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "Is &lt;it&gt; fever?" in text
    assert "Reference: Yes &amp; no." in text
    assert "是的。" in text
    assert "an empty reply" in text


def test_every_figure_has_words_and_lies_beside_the_page(text, folder):
    pictures = re.findall(r'<figure id="figure-([^"]+)">.*? alt="([^"]+)"', text)
    assert {name for name, _ in pictures} == {path.stem for path in folder.glob("*.png")}
    assert "knowledge from 0.25 to 0.75" in dict(pictures)["score_exam_accuracy"]


def test_tables_lie_beside_the_page(folder):
    assert (folder / "table.csv").read_text().startswith("recipe,data,seed,step,run")
    assert (folder / "table.md").read_text().startswith("| point | stage |")


def test_the_page_is_well_formed(text):
    class Balance(HTMLParser):
        void = ("meta", "link", "img", "source")
        open: list[str] = []  # noqa: RUF012  one parser, one page

        def handle_starttag(self, tag, attrs):
            if tag not in self.void:
                self.open.append(tag)

        def handle_endtag(self, tag):
            assert self.open.pop() == tag

    parser = Balance()
    parser.feed(text)
    assert parser.open == []


def test_ids_stand_once_and_links_lead_somewhere(text):
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(ids)


@pytest.mark.parametrize("missing", ["metrics.csv", "eval", "."])
def test_a_page_is_written_whatever_is_missing(runs, tmp_path, missing):
    for run in (BASE, CPT_K, CPT_E, DPO_K):
        gone = runs / run / missing
        shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    text = page.write(collect(runs, NAME), tmp_path / "report", replies=3).read_text()
    assert "Failures" in text


@pytest.mark.slow
def test_the_command_prints_where_the_page_lies(runs, tmp_path):
    words = ["recipe=world/tiny", f"paths.runs={runs}"]
    run = [sys.executable, "-m", "medllm.cli", "report", *words]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(runs / NAME / "report" / "index.html")


def test_a_report_imports_neither_torch_nor_transformers():
    code = "import sys, medllm.report.page; print({'torch', 'transformers'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


def test_a_number_of_replies_that_is_no_count_is_refused():
    with pytest.raises(ConfigError, match="replies='many' is not a count; give 1 or more"):
        page.refuse_count("many")
