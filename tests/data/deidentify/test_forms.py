import re

import pytest

from medllm.data.deidentify.deidentifier import Deidentifier


def surrogate(text):
    deidentifier = Deidentifier(languages=["zh", "en"], style="surrogate", seed=1)
    (new,), audit = deidentifier.apply("x/1", [text])
    assert len(audit) == 1
    return new[audit[0].start : audit[0].end]


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("138 0013 8000", "100 0000 0001"),
        ("010-62345678", "000-00000001"),
        ("(555) 234-5678", "(000) 555-0101"),
        ("一三八〇〇一三八〇〇〇", "一〇〇〇〇〇〇〇〇〇一"),
        ("a@b.cn", "user1@example.com"),
        ("http://x.org/y", "https://example.com/1"),
        ("192.168.1.20", "192.0.2.1"),
        ("SSN 123-45-6789", "000-00-0001"),
        ("卡号6222 0000 1111 2223", "9999 9900 0000 0014"),  # 6 x 9 + 2 + 4 = 60
        ("微信号：lifang_1988", "user0001"),
        ("QQ：123456789", "000000001"),
        ("住院号：ZY2023-0506", "ZY0000-0001"),
        ("12床", "01"),
        ("冀A·12345", "A·00001"),
        ("邮编：050000", "000000"),
        ("住建国路88号", "某市某区某路1号"),
        ("北京协和医院", "某甲医院"),
        ("5 Elm Rd", "1 Example Street"),
        ("5 Elm Rd, Ann Arbor, MI 48104", "1 Example Street, Anytown, ZZ 00000"),
        ("九十三岁", "九十"),
        ("Ninety-four years old", "Ninety"),
        ("11010519491231002X", "999999194808140011"),  # 72 weeks before 31 December 1949
        ("110105491231002", "999999480814001"),
    ],
)
def test_a_surrogate_has_the_form_of_what_it_replaces(text, new):
    assert surrogate(text) == new


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("李医生", r"[^李]"),
        ("患者张建国，", r"[^张]某甲"),
        ("患者李伟，", r"[^李]甲"),
        ("患者张某某，", r"[^张]某某"),
        ("欧阳建国医生", r".某甲"),
        ("姓名：阿依古丽·买买提", r"某甲"),
        ("Dr. Smith", r"[A-Z]oe"),
        ("DR. SMITH", r"[A-Z]OE"),
        ("Mr. John A. Smith", r"[A-Z][a-z]+ [A-Z]oe"),
        ("Dr. J. Smith", r"[A-Z]\. [A-Z]oe"),
        ("Patient Name: Smith, John", r"[A-Z]oe, [A-Z][a-z]+"),
        ("my name is Sarah", r"[A-Z][a-z]+"),
        ("at Mercy General Hospital", r"[A-Z][a-z]+town Hospital|Anytown Hospital"),
    ],
)
def test_a_name_becomes_one_that_can_be_told(text, form):
    assert re.fullmatch(form, surrogate(text))


def test_an_eleventh_given_name_is_still_another():
    """甲 to 癸 are ten."""
    given = "伟芳娜敏静强磊军洋勇艳"
    text = "".join(f"患者王{name}，男。" for name in given)
    deidentifier = Deidentifier(languages=["zh"], style="surrogate", seed=1)
    (new,), _ = deidentifier.apply("x", [text])
    names = [each[3:] for each in new.replace("，男", "").split("。")[:-1]]
    assert names == [*"甲乙丙丁戊己庚辛壬癸", "甲甲"]


def test_a_thousand_numbers_do_not_run_out_of_figures():
    text = "".join(f"{bed}床，" for bed in range(10, 100))
    cards = "，".join(f"证件号：{10**14 + n}" for n in range(1100))
    deidentifier = Deidentifier(languages=["zh"], style="surrogate", seed=1)
    (beds, numbers), _ = deidentifier.apply("x", [text, cards])
    assert beds.startswith("01床，02床，03床")
    assert numbers.endswith("证件号：000000000001100")
