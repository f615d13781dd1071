import json
from dataclasses import dataclass, replace
from pathlib import Path

import hydra
import pytest
from omegaconf import OmegaConf

from medllm.data.source.read import Quarantine
from medllm.errors import ConfigError, DataError
from medllm.eval import replies as stored
from medllm.eval.benchmark import Benchmark, rescore, run, score
from medllm.eval.exposure import Exposure
from medllm.eval.scorer import Generation, OptionLikelihood
from medllm.types import Question, Reply

EXAM = [
    Question("q1", "Fever?", {"A": "drug", "B": "cough"}, "A", "发热用药。", {"split": "seen"}),
    Question("q2", "Cough?", {"A": "drug", "B": "cough", "C": "head"}, "BC", "咳嗽。"),
]
WRITE = Generation(prompt="{question}\n{options}", max_new_tokens=4, batch_size=2)
COMPARE = OptionLikelihood(options="text", prompt="{question}", normalise=True, batch_size=2)


@dataclass
class Listed:
    items: list[Question]

    def examples(self, quarantine):
        return iter(self.items)


def benchmark(scorer=WRITE, metrics=("choice",), questions=EXAM, language="zh", limit=None):
    return Benchmark(
        name="exam",
        version=1,
        language=language,
        questions=Listed(list(questions)),
        scorer=scorer,
        metrics=list(metrics),
        limit=limit,
    )


def test_a_right_a_wrong_and_an_unreadable_reply():
    """One of three right; A is the key twice, given twice, once rightly: F1 1/2, weighted 1/3."""
    questions = [*EXAM, replace(EXAM[0], id="q3")]
    replies = [Reply("q1", "答案：A"), Reply("q2", "答案：A"), Reply("q3", "作为AI，我不能回答。")]
    scores, items = score(benchmark(), questions, replies)
    assert scores["accuracy"]["value"] == pytest.approx(1 / 3)
    assert scores["weighted_f1"]["value"] == pytest.approx(1 / 3)
    assert scores["unreadable"]["value"] == pytest.approx(1 / 3)
    assert [(item["id"], item["chosen"], item["right"]) for item in items] == [
        ("q1", "A", True),
        ("q2", "A", False),
        ("q3", None, False),
    ]
    # What a reader of the page needs beside a reply.
    assert items[0] == {
        "id": "q1",
        "question": "Fever?",
        "answer": "A",
        "reference": "发热用药。",
        "strata": {"split": "seen"},
        "chosen": "A",
        "right": True,
    }


def test_the_likeliest_option_is_the_answer():
    replies = [Reply("q1", logps={"A": -1.0, "B": -2.0}), Reply("q2", logps={"A": -3, "B": -1})]
    scores, items = score(benchmark(COMPARE), EXAM, replies)
    assert [item["chosen"] for item in items] == ["A", "B"]
    assert scores["accuracy"]["value"] == 0.5


def test_likelihoods_that_are_no_numbers_are_refused():
    replies = [Reply("q1", logps={"A": float("nan"), "B": -2.0}), Reply("q2", logps={"A": -3})]
    with pytest.raises(DataError, match=r"question q1: .*nan.* cannot be compared"):
        score(benchmark(COMPARE), EXAM, replies)


def test_an_explanation_is_held_against_its_reference_without_the_answer_line():
    replies = [Reply("q1", "答案：A\n解释：发热用药。"), Reply("q2", "答案：A\n解释：咳嗽。")]
    scores, items = score(benchmark(metrics=["bleu", "rouge"]), EXAM, replies)
    assert scores["bleu_1"]["value"] == pytest.approx(100)
    assert items[0]["rouge_l"] == 100


def test_only_questions_with_a_reference_count_for_rouge():
    questions = [EXAM[0], replace(EXAM[1], reference="")]
    replies = [Reply("q1", "发热用药。"), Reply("q2", "咳嗽。")]
    scores, items = score(benchmark(metrics=["rouge"]), questions, replies)
    assert scores["rouge_1"]["value"] == 100
    assert "rouge_1" not in items[1]


@pytest.mark.parametrize("scorer", [WRITE, COMPARE], ids=["write", "compare"])
def test_a_run_leaves_replies_scores_and_items(llama, tokenizer, tmp_path, scorer):
    result = run(benchmark(scorer), EXAM, llama, tokenizer, tmp_path / "eval" / "exam")
    folder = tmp_path / "eval" / "exam"
    assert sorted(path.name for path in folder.iterdir()) == [
        "items.jsonl",
        "replies.jsonl",
        "score.json",
    ]
    assert json.loads((folder / "score.json").read_text()) == result
    assert (result["benchmark"], result["version"], result["questions"]) == ("exam", 1, 2)
    assert set(result["scores"]) == {"accuracy", "weighted_f1"}
    assert 0 <= result["unreadable"] <= 1


def test_the_signature_says_all_that_moves_the_score(llama, tokenizer, tmp_path):
    tokenizer.chat_template = None
    result = run(benchmark(metrics=["choice", "bleu"]), EXAM, llama, tokenizer, tmp_path)
    *parts, prompt, template, version = result["signature"].split("|")
    assert parts == ["choice+bleu:char", "greedy", "new_tokens:4"]
    assert prompt.startswith("prompt:")
    assert (template, version) == ("template:none", "v1")


def test_scoring_again_needs_no_model(tmp_path):
    replies = [Reply("q1", "答案：A"), Reply("q2", "答案：B和C")]
    stored.write(tmp_path / "replies.jsonl", replies, made_by="greedy")
    assert rescore(benchmark(), EXAM, tmp_path)["scores"]["accuracy"]["value"] == 1


@pytest.fixture
def answered(tmp_path):
    """Replies to four questions: right, wrong, right, right."""
    questions = [replace(EXAM[0], id=f"q{n}") for n in range(1, 5)]
    texts = ["答案：A", "答案：B", "答案：A", "答案：A"]
    replies = [Reply(q.id, text) for q, text in zip(questions, texts, strict=True)]
    stored.write(tmp_path / "replies.jsonl", replies, made_by="greedy")
    return questions, tmp_path


def test_clean_and_matched_questions_are_scored_apart(answered):
    """q1 and q2 were seen: 1 of 2 right; the other two are both right; 3 of 4 in all."""
    questions, folder = answered
    seen = Exposure(unchecked_runs=[], seen={"q1": "answer", "q2": "question", "q9": "answer"})
    result = rescore(benchmark(questions=questions), questions, folder, exposure=seen)
    told = result["contamination"]
    assert (told["checked"], told["unchecked_runs"], told["matched"]) == (True, [], 2)
    assert result["scores"]["accuracy"]["value"] == 0.75
    assert told["clean"]["accuracy"]["value"] == 1
    assert told["matched_scores"]["accuracy"]["value"] == 0.5
    assert json.loads((folder / "score.json").read_text()) == result
    items = [json.loads(line) for line in (folder / "items.jsonl").read_text().splitlines()]
    assert [item["matched"] for item in items] == ["answer", "question", None, None]


def test_without_matches_there_is_nothing_to_score_apart(answered):
    questions, folder = answered
    exposure = Exposure(unchecked_runs=["world/base/1"], seen={})
    result = rescore(benchmark(questions=questions), questions, folder, exposure=exposure)
    assert result["contamination"] == {
        "checked": False,
        "unchecked_runs": ["world/base/1"],
        "matched": 0,
    }


def test_where_all_questions_were_seen_no_score_is_clean(answered):
    questions, folder = answered
    seen = Exposure(unchecked_runs=[], seen={q.id: "question" for q in questions})
    result = rescore(benchmark(questions=questions), questions, folder, exposure=seen)
    assert result["contamination"]["clean"] == {}
    assert result["contamination"]["matched_scores"]["accuracy"] == result["scores"]["accuracy"]


def test_seen_questions_without_a_reference_have_no_rouge_of_their_own(answered):
    questions, folder = answered
    questions = [replace(questions[0], reference=""), *questions[1:]]
    seen = Exposure(unchecked_runs=[], seen={"q1": "question"})
    both = benchmark(questions=questions, metrics=["choice", "rouge"])
    told = rescore(both, questions, folder, exposure=seen)["contamination"]
    assert "rouge_l" not in told["matched_scores"]
    assert "rouge_l" in told["clean"]


def test_replies_to_other_questions_are_refused(tmp_path):
    stored.write(tmp_path / "replies.jsonl", [Reply("q9", "答案：A")], made_by="greedy")
    with pytest.raises(DataError, match="answers other questions than benchmark exam asks now"):
        rescore(benchmark(), EXAM, tmp_path)


def test_english_replies_are_cut_into_words():
    replies = [Reply("q1", "drug for fever."), Reply("q2", "rest")]
    questions = [replace(q, reference="Drug for fever .", options={}) for q in EXAM]
    scores, items = score(benchmark(metrics=["rouge"], language="en"), questions, replies)
    assert [item["rouge_1"] for item in items] == [100, 0]
    assert scores["rouge_1"]["value"] == 50


def test_bleu_of_options_that_were_only_compared_is_refused():
    with pytest.raises(ConfigError, match=r"benchmark.metrics=\['choice', 'bleu'\] need written"):
        benchmark(COMPARE, metrics=["choice", "bleu"])


@pytest.mark.parametrize(
    ("questions", "message"),
    [
        ([], "benchmark exam has no question; look at benchmark.questions"),
        ([EXAM[0], EXAM[0]], "benchmark exam: 2 questions have the id q1; ids must differ"),
        ([replace(EXAM[0], options={})], "question q1 has no options or no answer"),
        ([replace(EXAM[0], answer="")], "question q1 has no options or no answer"),
        ([replace(EXAM[0], answer="AC")], "'AC' of question q1 is not among its options A, B"),
    ],
)
def test_questions_that_cannot_be_judged_are_refused(questions, message):
    with pytest.raises(DataError, match=message):
        benchmark(questions=questions).read(Quarantine())


def test_rouge_without_any_reference_is_refused():
    questions = [replace(question, reference="") for question in EXAM]
    with pytest.raises(DataError, match=r"no question has a reference for \['rouge'\]"):
        benchmark(metrics=["rouge"], questions=questions).read(Quarantine())


def test_the_limit_takes_the_first_questions():
    assert benchmark(limit=1).read(Quarantine()) == EXAM[:1]


@pytest.mark.data
def test_cmexam_is_scored_with_its_own_answers_and_explanations(shared_data, tmp_path):
    """The keys and explanations themselves, as a model should write them, score 1 and 100."""
    cfg = OmegaConf.load(Path(__file__).parents[2] / "conf" / "benchmark" / "cmexam.yaml")
    cmexam = hydra.utils.instantiate(
        OmegaConf.create({"paths": {"corpora": str(shared_data)}, "benchmark": cfg}).benchmark
    )
    questions = replace(cmexam, limit=20).read(Quarantine())
    replies = [Reply(q.id, f"答案：{q.answer}\n解释：{q.reference}") for q in questions]
    scores, _ = score(cmexam, questions, replies)
    assert scores["accuracy"]["value"] == 1
    assert scores["unreadable"]["value"] == 0
    assert scores["bleu_4"]["value"] == pytest.approx(100)
    assert scores["rouge_l"]["value"] == pytest.approx(100)
