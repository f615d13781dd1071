import io

from rich.console import Console

from medllm.data.contamination import report
from medllm.data.contamination.gate import Contamination, Match
from medllm.types import Document, Question

QUESTIONS = {
    "exam": [
        Question("q/1", "Which is it?", {"A": "x", "B": "y"}, "A"),
        Question("q/2", "Why?"),
    ],
    "talk": [Question("t/1", "How?", reference="So.")],
}
GATE = Contamination(benchmarks=["exam", "talk"], characters=13, words=13, near=0.35, drop="answer")
MATCHES = [
    Match(3, "exam", "q/2", "question", 0.5, "Why?"),
    Match(4, "exam", "q/1", "question", 0.4, "Which is it?"),
    Match(5, "exam", "q/1", "answer", 0.9, "Which is it?"),
    Match(6, "exam", "q/1", "question", 0.7, "Which is it?"),
]


class Corpus:
    def example(self, number):
        return Document(f"book/{number}", "Secrets of a patient.")


def told(gate=GATE):
    return gate.report(MATCHES, QUESTIONS, Corpus())


def test_a_report_lists_the_worst_first_and_names_what_stays():
    """Only example 5 bears an answer and goes; 4 and 6 still hold q/1, 6 more of it."""
    found = told()
    assert found["dropped"] == 1
    exam = found["benchmarks"]["exam"]
    assert exam["questions"] == 2
    assert exam["matched"] == [
        {
            "question": "q/1",
            "kind": "answer",
            "overlap": 0.9,
            "stays": "question",
            "matches": 3,
            "examples": ["book/6", "book/4", "book/5"],
            "excerpt": "Which is it?",
        },
        {
            "question": "q/2",
            "kind": "question",
            "overlap": 0.5,
            "stays": "question",
            "matches": 1,
            "examples": ["book/3"],
            "excerpt": "Why?",
        },
    ]
    assert found["benchmarks"]["talk"]["matched"] == []


def test_where_all_that_matches_is_dropped_nothing_stays():
    gate = Contamination(benchmarks=[], characters=13, words=13, near=0.35, drop="any")
    found = told(gate)
    assert found["dropped"] == 4
    assert [entry["stays"] for entry in found["benchmarks"]["exam"]["matched"]] == [None, None]


def test_a_run_tells_the_worst_of_its_sources():
    """q/1 is gone from `clean` and, as a bare question, still in `left`."""
    clean = Contamination(benchmarks=[], characters=13, words=13, near=0.35, drop="any")
    run = report.of_run({"clean": told(clean), "left": told()})
    assert run["benchmarks"]["exam"]["questions"] == 2
    assert run["benchmarks"]["exam"]["digest"] == report.digest(QUESTIONS["exam"])
    assert run["benchmarks"]["exam"]["matched"] == {
        "q/1": {"kind": "question", "source": "left", "example": "book/6", "dropped": False},
        "q/2": {"kind": "question", "source": "left", "example": "book/3", "dropped": False},
    }
    assert run["benchmarks"]["talk"]["matched"] == {}
    dropped = report.of_run({"clean": told(clean)})["benchmarks"]["exam"]["matched"]["q/1"]
    assert (dropped["kind"], dropped["dropped"]) == ("answer", True)


def test_other_questions_have_another_digest():
    one, two = QUESTIONS["exam"]
    digests = [report.digest(asked) for asked in ([one, two], [one], [two, one], [one, two])]
    assert len(set(digests)) == 3
    assert digests[0] == digests[3]


def test_the_table_has_a_line_where_something_was_found():
    out = io.StringIO()
    Console(file=out, width=100).print(report.table({"books": told()}))
    lines = [line.split() for line in out.getvalue().splitlines()]
    assert ["books", "exam", "2", "1", "1", "2"] in lines
    assert not any(line[:2] == ["books", "talk"] for line in lines)
    assert "1 sources held against 2 benchmarks" in out.getvalue()
