import pytest


@pytest.mark.parametrize(
    ("text", "rule", "words"),
    [
        ("身份证号：11010519491231002X，", "identity_card", "11010519491231002X"),
        ("证件 110105 19491231 002x 已核", "identity_card", "110105 19491231 002x"),
        (
            "１１０１０５１９４９１２３１００２Ｘ",
            "identity_card",
            "１１０１０５１９４９１２３１００２Ｘ",
        ),
        ("旧证110105491231002。", "identity_card", "110105491231002"),
        ("身份证号：110105194912310021", "identity_card_named", "110105194912310021"),
        ("电话13800138000。", "phone", "13800138000"),
        ("电话：+86 138-0013-8000", "phone", "138-0013-8000"),
        ("138\u200b0013\u200b8000", "phone", "138\u200b0013\u200b8000"),
        ("座机010-62345678转1", "phone", "010-62345678"),
        ("(0571) 87654321", "phone", "(0571) 87654321"),
        ("联系电话：8765432", "phone_named", "8765432"),
        ("一三八〇〇一三八〇〇〇", "phone_numerals", "一三八〇〇一三八〇〇〇"),
        ("call (555) 234-5678 today", "phone_en", "(555) 234-5678"),
        ("pager: 234-5678.", "phone_named_en", "234-5678"),
        ("+44 20 7946 0958", "phone_abroad", "+44 20 7946 0958"),
        ("Li.Fang_88@mail.hospital.cn,", "email", "Li.Fang_88@mail.hospital.cn"),
        ("见https://a.cn/x?id=1。", "url", "https://a.cn/x?id=1"),
        ("来自192.168.1.20。", "ip", "192.168.1.20"),
        ("微信号：lifang_1988", "account", "lifang_1988"),
        ("加QQ 123456789", "account", "123456789"),
        ("住院号：ZY2023-0506", "record_number", "ZY2023-0506"),
        ("病历号 12 345 678。", "record_number", "12 345 678"),
        ("CT号A001234", "record_number", "A001234"),
        ("12床李某", "bed", "12"),
        ("床号：+3", "bed", "3"),
        ("MRN: 00-12345", "record_number_en", "00-12345"),
        ("Account number is AB12345", "record_number_en", "AB12345"),
        ("moved to bed 12A", "bed_en", "12A"),
        ("SSN 123-45-6789", "ssn", "123-45-6789"),
        ("卡号6222 0000 1111 2223", "bank_card", "6222 0000 1111 2223"),
        ("银行卡号：1234567890123456", "bank_card_named", "1234567890123456"),
        ("车牌冀A·12345。", "plate", "A·12345"),
    ],
)
def test_a_number_of_a_person_is_found(removed, text, rule, words):
    assert (rule, words) in removed(text)


@pytest.mark.parametrize(
    "text",
    [
        "血压120/80mmHg，体温38.5℃，脉搏72次/分，3-5天复查",
        "白细胞11.2×10^9/L，血小板235×10^9/L，HBV-DNA 20807000，病毒41350000",
        "头孢曲松2.0g ivgtt qd×7天，胰岛素12U，二甲双胍0.5g tid",
        "E11.900，I10.x05，J45.909，CPT 99213，BRCA1 c.5266dupC，t(9;22)(q34;q11)",
        "4.1.2.1节，PMID 12345678，NCT01234567，第5版，1985年，2000毫升",
        "110105194912310021不是身份证（校验位不对），999999194912310029也不是",
        "共500张床，床位紧张，床旁心电图，卧床3天",
        "WBC 11.2, Na 138, K 4.1; pain 6/10; room air; 10-12 units; section 4.1.2.1",
        "hepatitis C 1b, HLA-B27, CD4 350, 2.3 x 1.8 cm, 1/2 tablet, L4-L5",
    ],
)
def test_medical_numbers_stay(removed, text):
    assert removed(text) == []
