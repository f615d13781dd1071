"""Questions about a passage that is shown with them: an abstract, a patient's case."""

from collections.abc import Mapping

from medllm import prompt as words
from medllm.data.source import record as read
from medllm.data.source.record import MissingField, Record
from medllm.errors import DataError
from medllm.types import Question

DECISIONS = {"A": "yes", "B": "no", "C": "maybe"}


def pubmedqa(record: Record, id: str, *, text: str) -> Question:
    """PubMedQA's record (Jin et al. 2019), answered by yes, no or maybe, here options A to C.

    Args:
        record: QUESTION, CONTEXTS, final_decision, LONG_ANSWER.
        id: of the record.
        text: how the question is shown, with {question}, and {context}, its paragraphs one
            per line.

    Raises:
        DataError: no paragraph, or another decision, as in the unlabelled part.
    """
    contexts = record.get("CONTEXTS")
    if not isinstance(contexts, list) or not contexts:
        raise DataError("field 'CONTEXTS' is not a list of paragraphs")
    decision = read.text(record, "final_decision")
    if decision not in DECISIONS.values():
        raise DataError(f"final_decision '{decision}' is not yes, no or maybe")
    values = {"question": read.text(record, "QUESTION"), "context": "\n".join(map(str, contexts))}
    return Question(
        id=id,
        text=words.fill(text, values),
        options=DECISIONS,
        answer=next(letter for letter, word in DECISIONS.items() if word == decision),
        reference=read.text(record, "LONG_ANSWER"),
    )


def cmb_clin(record: Record, id: str) -> list[Question]:
    """The questions about one case of CMB-Clin (Wang et al. 2023), each with all of the case.

    The title is left to the strata: it names the disease that is asked for.

    Raises:
        DataError: no question, or one of them without its words or its answer.
    """
    case, title = read.text(record, "description"), read.text(record, "title")
    if "QA_pairs" not in record:
        raise MissingField("QA_pairs")
    asked = record["QA_pairs"]
    if not isinstance(asked, list) or not asked:
        raise DataError("field 'QA_pairs' is not a list of questions")
    questions = []
    for number, pair in enumerate(asked, start=1):
        if not isinstance(pair, Mapping):
            raise DataError(f"number {number} of 'QA_pairs' is no question")
        question, answer = (read.optional(pair, name) for name in ("question", "answer"))
        if not question or not answer:
            raise DataError(f"number {number} of 'QA_pairs' has no question or no answer")
        text = f"{case}\n{question}"
        strata = {"title": title}
        questions.append(Question(f"{id}/{number}", text, reference=answer, strata=strata))
    return questions
