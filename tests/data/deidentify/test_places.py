import pytest


@pytest.mark.parametrize(
    ("text", "rule", "words"),
    [
        ("住北京市朝阳区建国路88号5单元602室，", "address", "北京市朝阳区建国路88号5单元602室"),
        ("在河北省固始县段集镇务农", "address", "河北省固始县段集镇"),
        ("和平路26号", "address", "和平路26号"),
        ("家住幸福村三组12号", "address", "幸福村三组12号"),
        ("家庭住址：光明小区北楼", "address_named", "光明小区北楼"),
        ("邮编：050000", "zip", "050000"),
        ("在北京协和医院手术", "hospital", "北京协和医院"),
        ("由郑州市第三人民医院转入", "hospital", "郑州市第三人民医院"),
        ("去鄞州区中医医院", "hospital", "鄞州区中医医院"),
        ("吉林大学第一医院的", "hospital", "吉林大学第一医院"),
        ("at 123 N. Oak Street, Apt 4B", "address_en", "123 N. Oak Street, Apt 4B"),
        ("5 W Elm Rd, Ann Arbor, MI 48104", "address_en", "5 W Elm Rd, Ann Arbor, MI 48104"),
        ("Boston, MA 02115", "zip_en", "02115"),
        ("to Mercy General Hospital for", "hospital_en", "Mercy General Hospital"),
        ("University of Iowa Clinic,", "hospital_en", "University of Iowa Clinic"),
    ],
)
def test_a_place_of_a_person_is_found(removed, text, rule, words):
    assert (rule, words) in removed(text)


@pytest.mark.parametrize(
    "text",
    [
        "去当地三甲医院，就近医院，正规医院，社区医院，县医院，专科医院，北京哪家医院好",
        "河北省、石家庄市、朝阳区；5号染色体，3号染色体区，呼吸道，信号通路2组，尿路感染",
        "the Pain Clinic, Emergency Hospital, General Hospital, Orthopedic Clinic, our Hospital",
        "take 2 Way stopcocks; 5 mile run; in Boston, Massachusetts",
    ],
)
def test_any_place_is_no_place(removed, text):
    assert removed(text) == []
