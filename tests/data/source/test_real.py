"""The configured sources against the real files; counts are those of ../shared/data/README.md."""

from collections import Counter
from dataclasses import replace
from functools import partial

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from medllm.data import mix
from medllm.data.mixture import Mixture
from medllm.data.source import exam, passage
from medllm.data.source.read import Quarantine, Source
from medllm.data.tokenise import tokenise
from medllm.types import Conversation, Document, Preference, Question
from tests.conftest import REPO

pytestmark = pytest.mark.data


def source(name, corpora) -> Source:
    node = OmegaConf.load(REPO / f"conf/data/source/{name}.yaml")
    cfg = OmegaConf.create({"paths": {"corpora": str(corpora)}, "source": node})
    return instantiate(cfg.source, _convert_="all")


def read(name, corpora, **change):
    quarantine = Quarantine()
    return list(replace(source(name, corpora), **change).examples(quarantine)), quarantine


@pytest.mark.parametrize(
    ("name", "kind", "count", "rejected"),
    [
        ("cmexam", Conversation, 2_300, 0),
        ("cmexam_explanations", Conversation, 1_941, 359),  # 359 explanations are "nan"
        ("cmexam_reasoning", Conversation, 1_941, 359),
        ("cmexam_annotated", Conversation, 6, 0),
        ("ceval", Conversation, 46, 0),  # 10 + 11 + 25
        ("ceval_explained", Conversation, 15, 0),
        ("cmmlu", Conversation, 25, 0),
        ("mmlu", Conversation, 20, 0),
        ("cmb_clin", Conversation, 115, 0),  # of 42 cases
        ("cn_pharmacist", Conversation, 577, 143),
        ("cn_pharmacist_2021", Conversation, 58, 2),
        ("medc_i_medqa", Conversation, 480, 0),
        ("medc_i_medmcqa", Conversation, 1_500, 0),
        ("medc_i_medmcqa_explained", Conversation, 800, 700),  # 700 have no explanation
        ("medc_i_pubmedqa", Conversation, 380, 0),
        ("medc_i_medication_qa", Conversation, 400, 0),
        ("medc_i_chatdoctor", Conversation, 1_600, 0),
        ("medc_i_medalpaca", Conversation, 1_400, 0),
        ("medc_i_liveqa", Conversation, 712, 0),
        ("huatuo26m", Conversation, 2_500, 0),
        ("toyhom", Conversation, 3_800, 0),
        ("toyhom_text", Conversation, 600, 0),  # of one file
        ("cmtmedqa", Conversation, 572, 0),  # 500 dialogues, 72 questions about safety
        ("chatdoctor", Conversation, 1_600, 0),
        ("medical_meadow", Conversation, 1_400, 0),
        ("mts_dialog", Conversation, 699, 1),  # one in which the patient has the last word
        ("mts_notes", Document, 700, 0),
        ("bentsao", Conversation, 4_200, 0),
        ("bentsao_literature", Conversation, 600, 0),
        ("med_chatglm", Conversation, 1_200, 0),
        ("medicalgpt_sft", Conversation, 650, 0),
        ("sharegpt_zh", Conversation, 218, 2),  # an empty turn; one that ends with the user
        ("alpaca_zh", Conversation, 520, 0),
        ("alpaca_en", Conversation, 520, 0),
        ("belle", Conversation, 600, 0),
        ("huatuo100_inst", Conversation, 60, 0),
        ("huatuo100_conv", Conversation, 60, 0),
        ("promptcblue", Conversation, 80, 0),
        ("medinstruct", Conversation, 120, 0),
        ("medicalgpt_medical", Preference, 60, 0),
        ("medicalgpt_general", Preference, 299, 0),
        ("medicalgpt_general_old", Preference, 120, 0),
        ("llamafactory_dpo_zh", Preference, 150, 0),
        ("llamafactory_dpo_en", Preference, 150, 0),
        ("huatuo26m_as_text", Document, 2_500, 0),
        ("cmexam_as_text", Document, 1_941, 359),
        ("toyhom_as_text", Document, 3_800, 0),
        ("cmtmedqa_as_text", Document, 572, 0),
        ("pubmedqa_answers", Conversation, 380, 0),
        ("tcm_books", Document, 11, 0),
    ],
)
def test_every_record_is_read_or_counted(shared_data, name, kind, count, rejected):
    examples, quarantine = read(name, shared_data)
    assert (len(examples), len(quarantine)) == (count, rejected)
    assert {type(example) for example in examples} == {kind}
    assert max(Counter(example.id for example in examples).values()) == 1


@pytest.mark.parametrize(
    ("name", "files", "count"),
    [
        ("cmexam", "exam/cmexam/test.csv", 400),
        ("cmexam", "exam/cmexam/val.csv", 300),
        ("cmexam", "exam/cmexam/val_literal_backslash_n.csv", 60),
        ("cmmlu", "exam/cmmlu/test/*.csv", 611),  # 74 + 119 + 137 + 188 + 93
        ("mmlu", "exam/mmlu/test/*.csv", 421),  # 67 + 132 + 86 + 136
        ("medc_i_medqa", "exam/medqa_usmle/test.jsonl", 200),
        ("medc_i_medmcqa", "exam/medmcqa/dev.json", 400),
        ("bentsao", "instruct/bentsao/infer.json", 5),
        ("mts_dialog", "dialogue/mts_dialog/MTS-Dialog-ValidationSet.csv", 100),
    ],
)
def test_the_other_parts_are_read_like_the_first(shared_data, name, files, count):
    examples, _ = read(name, shared_data, files=f"{shared_data}/{files}")
    assert len(examples) == count


def test_the_pharmacist_papers_say_why_questions_are_left_out(shared_data):
    """By the words that all reasons of a kind share."""
    _, quarantine = read("cn_pharmacist", shared_data)
    kinds = {
        "'options' is empty": "no options",
        "'question' is empty": "no question",
        "is not among": "the right option is lost",
        "does not start": "options are pictures",
        "is there twice": "options of two questions",
        "before question 111": "answers of several questions",
    }
    reasons = [each.reason for each in quarantine.rejected]
    counted = Counter(kind for why in reasons for words, kind in kinds.items() if words in why)
    assert counted == {
        "no options": 82,
        "no question": 1,
        "the right option is lost": 31,
        "options are pictures": 8,
        "options of two questions": 3,
        "answers of several questions": 18,
    }


@pytest.mark.parametrize(
    ("name", "asked", "replied"),
    [
        ("cmexam", "根据《互联网药品交易服务审批暂行规定》", "A"),
        ("cmexam_reasoning", "问题: 根据《互联网药品交易服务审批暂行规定》", "答案: A 具有与设立"),
        (
            "ceval",
            "不属于第二信使的物质是____\nA. cAMP\nB. cGMP\nC. $IP_3$\nD. 胰岛素\n答案：",
            "D",
        ),
        (
            "ceval_explained",
            "下列选项中，符合原癌基因概念的是",
            "让我们一步一步思考，\n1. 原癌基因",
        ),
        (
            "cmmlu",
            "以下是单项选择题，请直接给出正确答案的选项。\n\n题目：壁胸膜的分部不包括\nA. 肋",
            "B",
        ),
        ("mmlu", "The following are multiple choice questions (with answers).\n\nWhat is", "D"),
        ("cmb_clin", "以下是一位病人的病例：\n现病史\n（1）病史摘要", "诊断：嵌顿性腹股沟斜疝"),
        ("cn_pharmacist", "请回答下面选择题。\n《本草经集注》在各论", "答案是D。"),
        ("cn_pharmacist_2021", "请回答下面选择题。\n根据国家药品监督管理局", "答案是B。"),
        ("huatuo26m", "做了腰间盘穿丁手术后，用盐泡脚可以吗", "问题分析：你好"),
        ("toyhom", "高血压患者能吃党参吗？\n我有高血压这两天", "高血压病人可以口服党参的。"),
        ("toyhom_text", "高血压患者能吃党参吗？\n我有高血压这两天", "高血压病人可以口服党参的。"),
        ("chatdoctor", "If you are a doctor, please answer", "Well, based on what you're telling"),
        (
            "medical_meadow",
            "Answer this question truthfully\nWhat are",
            "Allergy symptoms",
        ),
        ("med_chatglm", "患者赵先生最近出现恶心", "胆石性胰腺炎对于"),
        ("medicalgpt_sft", "治疗阳痿吃什么药呢？", "男子早泄"),
        ("huatuo100_inst", "胃病可以做哪些检查？", "1. 内镜检查"),
        ("promptcblue", "3）汉密尔顿抑郁量表17项", "风险评估"),
        ("medinstruct", "My sister has just returned", "While I strongly recommend"),
    ],
)
def test_the_first_record_says(shared_data, name, asked, replied):
    examples, _ = read(name, shared_data, limit=1)
    user, assistant = examples[0].turns[:2]
    assert (user.role, assistant.role) == ("user", "assistant")
    assert user.text.startswith(asked)
    assert assistant.text.startswith(replied)


@pytest.mark.parametrize(
    ("name", "asked", "replied"),
    [
        ("medc_i_medqa", "###Question: A junior orthopaedic", "###Answer: OPTION B IS CORRECT."),
        ("medc_i_medmcqa", "###Question: Which of the", "###Answer: OPTION A IS CORRECT."),
        ("medc_i_pubmedqa", "###Question: Can tailored", "###Rationale: The effects of the"),
        ("medc_i_medication_qa", "how does rivatigmine", "tell your doctor and pharmacist"),
        ("medc_i_chatdoctor", "Doctor, I have been", "Well, based on what you're telling"),
        ("medc_i_medalpaca", "What are the symptoms of", "Allergy symptoms"),
        ("medc_i_liveqa", "How to prevent Anal Cancer?", "Key Points"),
    ],
)
def test_medc_i_has_an_instruction_before_its_input(shared_data, name, asked, replied):
    examples, _ = read(name, shared_data, limit=100)
    user, assistant = examples[0].turns
    assert user.text.split("\n\n### Input:\n")[1].startswith(asked)
    assert assistant.text.startswith(replied)
    used = Counter(each.turns[0].text.split("\n\n### Input:\n")[0] for each in examples)
    assert set(used) == set(source(name, shared_data).to_example.keywords["instructions"])


def test_medc_i_gives_the_explanation_and_then_the_answer(shared_data):
    examples, _ = read("medc_i_medmcqa_explained", shared_data, limit=2)
    reply = examples[0].turns[1].text
    assert reply.startswith("###Rationale: Ans-a. The oncotic pressure")
    assert reply.endswith("\n\n###Answer: OPTION A IS CORRECT.")


def test_the_doctor_of_mts_dialog_is_the_assistant(shared_data):
    examples, _ = read("mts_dialog", shared_data, limit=1)
    turns = [(turn.role, turn.text) for turn in examples[0].turns]
    assert turns[:3] == [
        ("user", "Hello, doctor."),
        ("assistant", "What brings you back into the clinic today, miss?"),
        ("user", "I came in for a refill of my blood pressure medicine."),
    ]
    assert turns[-1][0] == "assistant"


@pytest.mark.parametrize(
    ("name", "exchanges"),
    [
        # those of its 500 dialogues with a history of 0 to 9, one more each; 72 without any
        ("cmtmedqa", {1: 82, 2: 11, 3: 45, 4: 176, 5: 180, 6: 58, 7: 12, 8: 5, 9: 2, 10: 1}),
        ("bentsao_literature", {1: 174, 2: 175, 3: 159, 4: 79, 5: 12, 6: 1}),
        ("huatuo100_conv", {2: 60}),
    ],
)
def test_dialogues_have_all_their_turns(shared_data, name, exchanges):
    examples, _ = read(name, shared_data)
    assert Counter(len(example.turns) // 2 for example in examples) == exchanges


def test_the_text_form_of_toyhom_says_what_the_table_says(shared_data):
    table, _ = read("toyhom", shared_data, limit=1)
    text, _ = read("toyhom_text", shared_data)
    assert table[0].turns == text[0].turns
    assert text[0].id == "内科/1"


def test_literal_backslashes_part_the_options_as_line_breaks_do(shared_data):
    files = f"{shared_data}/exam/cmexam/val_literal_backslash_n.csv"
    examples, _ = read("cmexam", shared_data, files=files)
    options = [example.turns[0].text.count("\n") - 1 for example in examples]
    assert Counter(options) == {5: 60}


def test_the_annotations_of_cmexam_are_kept(shared_data):
    to_question = {"to_example": exam.cmexam}
    questions, _ = read("cmexam_annotated", shared_data, **to_question)
    assert questions[0].strata == {
        "Disease Group": "不符合",
        "Area of Competency": "公卫法律伦理",
        "Clinical Department": "不符合",
        "Medical Discipline": "临床医学",
        "Difficulty level": "3",
    }


def test_the_test_questions_of_ceval_can_be_asked_without_answers(shared_data):
    to_question = partial(
        exam.columns, question="question", options=["A", "B", "C", "D"], answer=None
    )
    files = f"{shared_data}/exam/ceval/test/*.csv"
    questions, quarantine = read("ceval", shared_data, files=files, to_example=to_question)
    assert (len(questions), len(quarantine)) == (120, 0)
    assert {question.answer for question in questions} == {""}


def test_pubmedqa_has_as_many_of_each_decision_as_published_here(shared_data):
    to_question = partial(passage.pubmedqa, text="{context}\n{question}")
    questions, _ = read("medc_i_pubmedqa", shared_data, to_example=to_question)
    assert Counter(question.answer for question in questions) == {"A": 222, "B": 121, "C": 37}
    assert all(isinstance(question, Question) for question in questions)


def test_a_real_question_is_put_as_it_will_be_examined(shared_data):
    lessons, _ = read("cmexam", shared_data, limit=1)
    asked, replied = lessons[0].turns
    assert asked.text.startswith("根据《互联网药品交易服务审批暂行规定》")
    assert "\nA. 具有与设立药品批发企业一致的条件\nB. " in asked.text
    assert asked.text.endswith("\n答案：")
    assert replied.text == "A"


def test_a_real_pair_prefers_the_doctor(shared_data):
    pairs, _ = read("medicalgpt_medical", shared_data, limit=1)
    assert pairs[0].prompt[0].text == "肛门病变可能是什么疾病的症状?"
    assert pairs[0].chosen == "食管克罗恩病"


def test_real_pairs_keep_what_was_said_before(shared_data):
    """53 have one user turn, 43 a system turn before it, 27 two exchanges and 27 three."""
    pairs, _ = read("llamafactory_dpo_en", shared_data)
    assert Counter(len(pair.prompt) for pair in pairs) == {1: 53, 2: 43, 5: 27, 7: 27}
    assert {pair.prompt[-1].role for pair in pairs} == {"user"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("huatuo26m_as_text", "问：做了腰间盘穿丁手术后，用盐泡脚可以吗\n答：问题分析："),
        ("cmexam_as_text", "问：根据《互联网药品交易服务审批暂行规定》"),
        ("toyhom_as_text", "问：高血压患者能吃党参吗？\n我有高血压"),
        ("cmtmedqa_as_text", "问：医生，我得了恶性乳腺癌中期"),
    ],
)
def test_questions_and_dialogues_become_running_text(shared_data, name, text):
    documents, _ = read(name, shared_data, limit=1)
    assert documents[0].text.startswith(text)
    turns = documents[0].text.count("\n答：")
    assert turns == (4 if name == "cmtmedqa_as_text" else 1)


def test_gb18030_books_are_read_as_chinese(shared_data):
    books, _ = read("tcm_books", shared_data)
    assert books[-1].id == "457-伤寒论/1"
    assert books[-1].text.startswith("<篇名>伤寒论\n书名：伤寒论\n作者：张仲景")


def test_real_books_lose_less_than_a_row(shared_data, tmp_path, tokenizer):
    books = replace(source("tcm_books", shared_data), limit=2)
    mixture = Mixture(
        sources={"books": books},
        seq_len=512,
        packing="cut",
        mix_unit="row",
        mix=mix.all_once,
        heldout={},
    )
    store = mixture.stores(tokenizer, tmp_path, progress=False)["books"]
    tokens = sum(len(tokenise(book, tokenizer).ids) for book in books.examples(Quarantine()))
    assert set(store.lengths) == {512}
    assert 0 <= tokens - 512 * len(store) < 512
