import pytest


@pytest.mark.parametrize(
    ("text", "rule", "words"),
    [
        ("请张医生会诊", "name_titled", "张"),
        ("张建国主任查房", "name_titled", "张建国"),
        ("欧阳女士来诊", "name_titled", "欧阳"),
        ("您好，高医生", "name_titled", "高"),
        ("患者张某，", "name_person", "张某"),
        ("患者张建国诉胸痛", "name_person", "张建国"),
        ("其妻李芳代述", "name_person", "李芳"),
        ("患者马翀，男，30岁", "name_person", "马翀"),
        ("家属：王××", "name_person", "王××"),
        ("姓名：阿依古丽 性别", "name_labelled", "阿依古丽"),
        ("姓名：张三　", "name_labelled", "张三"),
        ("主治医师：唐翀 记录", "name_labelled", "唐翀"),
        ("医生我叫窦磊，", "name_self", "窦磊"),
        ("我姓林，", "surname_self", "林"),
        ("李某，女，", "name_hidden", "李某"),
        ("Mr. Smith denies pain", "name_titled_en", "Smith"),
        ("saw Dr. J. van der Berg today", "name_titled_en", "J. van der Berg"),
        ("DR. SMITH called", "name_capitals", "SMITH"),
        ("Jane A. O'Brien, M.D.", "name_degree", "Jane A. O'Brien"),
        ("Olga Wu is a 40-year-old", "name_aged", "Olga Wu"),
        ("Patient Name: Smith, John A.", "name_labelled_en", "Smith, John A."),
        ("my name is Wei", "name_said", "Wei"),
        ("the patient John Smith was", "name_given", "John Smith"),
    ],
)
def test_a_name_is_found_by_its_context(removed, text, rule, words):
    assert (rule, words) in removed(text)


@pytest.mark.parametrize(
    "text",
    [
        "高血压患者能吃党参吗？患者高热，黄疸，白带增多，张口困难，患者康复，患者安静",
        "肌张力正常，张力性气胸，王不留行10g，黄芪30g，何首乌，杜仲，金银花，石膏，白术",
        "任何医生都会这样说，谢谢医生，感谢主任，处方医生，对方医生，提高医生水平，紧张医生",
        "患者于3天前出现，时有头晕，方可手术，患者和家属，常伴恶心，白细胞，单纯疱疹",
        "主任医师查房，女医生，科主任，实习医生，家庭医生，祝医生工作顺利，向医生咨询",
        "医生：您好。患者：谢谢医生！姓名：不详。于某种原因，任某些人",
        "Parkinson's disease, Down syndrome, Crohn disease; MS. First symptoms; Long QT",
        "Patient: No, Doctor. Thank you, Doctor. Nurse Practitioner; Dr. Who; the nurse said",
        "Doctor: Okay. Name: Unknown. Also known as Chagas disease; Foley; White blood cells",
    ],
)
def test_words_that_look_like_names_stay(removed, text):
    assert removed(text) == []


def test_a_name_once_told_is_found_everywhere(removed):
    text = (
        "患者张建国，男。张建国诉胸痛，建国路张建。Mr. John Smith left. Smith had Smith's disease."
    )
    assert [words for rule, words in removed(text) if rule == "name_again"] == ["张建国", "Smith"]
