"""Invented identifiers, one function for each kind: (form, generator) -> text.

Names, towns and streets are drawn from lists of their own, not from those of the rules.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from random import Random

from medllm.data.deidentify.calendar import MONTHS
from medllm.data.deidentify.checks import check_figure, luhn

Maker = Callable[[str, Random], str]

SURNAMES = """王 李 张 刘 陈 杨 赵 黄 周 吴 徐 孙 马 朱 胡 林 郭 何 高 罗 郑 梁 谢 宋 唐 许 邓 冯
韩 曹 曾 彭 萧 蔡 潘 田 董 袁 于 余 叶 欧阳 司马"""
# One in eight holds a character that the rules do not know for one of names.
GIVEN = """伟 芳 娜 秀英 敏 静 强 磊 军 洋 建国 建华 志强 志明 文博 海燕 晓红 玉兰 桂英 秀兰 淑珍
国强 春梅 雪梅 子轩 浩然 宇航 梓涵 雨欣 思远 俊杰 嘉怡 美玲 德胜 永福 家豪 明辉 金凤 立新 卫东
丽丽 婷婷 小龙 少华 骞 劼 翀 祚昌 馥莉 闯"""
TOWNS = """北京市朝阳区 上海市浦东新区 广东省广州市天河区 河北省石家庄市桥西区 四川省成都市武侯区
浙江省杭州市西湖区 湖南省长沙市岳麓区 河南省新乡市卫滨区 延边朝鲜族自治州延吉市"""
ROADS = """建国路 解放大道 人民东路 中山北街 和平路 文化巷 长江西路 学府街 向阳街 九眼桥横街"""
HOSPITALS = """北京协和医院 河北省人民医院 郑州市第三人民医院 四川大学华西医院 岳麓区妇幼保健院
复旦大学附属中山医院 桥西区卫生服务中心 长沙市中心医院 湘雅二医院 第二军医大学长海医院"""
FIRST = """John Mary Robert Linda Aisha Wei Carlos Olga Fatima Priya Liam Sofia Dmitri Keisha
Hannah George Beatrice Tomas Yuki Amara"""
# As the rule for "with John" knows.
KNOWN = """John Mary Robert Linda Hannah George Sarah David"""
LAST = """Smith Garcia Kumar O'Brien Nguyen Petrov McDonald Okafor Schneider Haddad Lindqvist
Tanaka Moreau Brown Castillo Abernathy Wu"""
STREETS = "Oak Street|Maple Avenue|W. 14th St|North Elm Road|Martin Luther King Blvd|Sunset Drive"
TOWNS_EN = "Springfield, IL 62704|Portland, OR 97201|San Antonio, TX 78205-1234|Ann Arbor, MI 48104"
HOSPITALS_EN = (
    "Mercy General Hospital|St. Mary's Hospital|University of Iowa Medical Center|Lakeside Clinic"
    "|Prince of Wales Hospital|Mount Sinai Health System"
)
NUMERALS = "〇一二三四五六七八九"


def digits(number: int, rng: Random) -> str:
    return "".join(rng.choices("0123456789", k=number))


def a_day(rng: Random) -> date:
    return date(2015, 1, 1) + timedelta(rng.randrange(3650))


def name(form: str, rng: Random) -> str:
    surname, given = rng.choice(SURNAMES.split()), rng.choice(GIVEN.split())
    if form == "surname":
        return surname
    if form == "given":
        return given
    return surname + (rng.choice(["某", "某某", "××"]) if form == "某" else given)


def name_en(form: str, rng: Random) -> str:
    first, last = rng.choice(FIRST.split()), rng.choice(LAST.split())
    middle = rng.choice(["", f"{rng.choice('ABCDEFGHJKLM')}. "])
    if form in ("first", "last"):
        return first if form == "first" else last
    return f"{rng.choice(KNOWN.split()) if form == 'known' else first} {middle}{last}"


def day(form: str, rng: Random) -> str:
    on = a_day(rng)
    match form:
        case "dash":
            return on.isoformat()
        case "dot":
            return f"{on.year}.{on.month}.{on.day}"
        case "month":
            return f"{on.year}年{on.month}月"
        case "day":
            return f"{on.month}月{on.day}{rng.choice('日号')}"
        case "chinese":
            year = "".join(NUMERALS[int(digit)] for digit in str(on.year))
            return f"{year}年{_numeral(on.month)}月{_numeral(on.day)}日"
    return f"{on.year}年{on.month}月{on.day}日"


def day_en(form: str, rng: Random) -> str:
    on = a_day(rng)
    month = MONTHS.split()[on.month - 1]
    match form:
        case "iso":
            return on.isoformat()
        case "us":
            return f"{on.month:02d}/{on.day:02d}/{on.year}"
        case "us2":
            return f"{on.month}/{on.day}/{on.year % 100:02d}"
        case "month":
            return f"{month} {on.year}"
        case "day":
            return f"{month} {on.day}"
        case "day_first":
            return f"{on.day} {month[:3]} {on.year}"
        case "ordinal":
            suffix = {1: "st", 2: "nd", 3: "rd"}.get(on.day % 10 * (on.day // 10 != 1), "th")
            return f"{month} {on.day}{suffix}, {on.year}"
    return f"{month} {on.day}, {on.year}"


def age(form: str, rng: Random) -> str:
    return str(rng.randint(91, 104))


def identity_card(form: str, rng: Random) -> str:
    born = date(1930, 1, 1) + timedelta(rng.randrange(25_000))
    province = rng.choice(["110105", "310115", "440106", "130104", "510107"])
    if form == "15":
        return f"{province}{born:%y%m%d}{digits(3, rng)}"
    number = f"{province}{born:%Y%m%d}{digits(3, rng)}"
    return number + check_figure(number)


def phone(form: str, rng: Random) -> str:
    if form == "landline":
        return f"0{rng.choice(['10', '21', '311', '571'])}-{rng.randint(2, 8)}{digits(7, rng)}"
    mobile = f"1{rng.choice('3456789')}{digits(9, rng)}"
    return f"{mobile[:3]} {mobile[3:7]} {mobile[7:]}" if form == "spaced" else mobile


def phone_en(form: str, rng: Random) -> str:
    area, office, line = rng.randint(201, 989), rng.randint(200, 999), digits(4, rng)
    return f"{area}.{office}.{line}" if form == "dotted" else f"({area}) {office}-{line}"


def email(form: str, rng: Random) -> str:
    user, host = rng.choice(["lifang", "j.smith", "wang_88"]), rng.choice(["163.com", "mail.org"])
    return f"{user}{digits(2, rng)}@{host}"


def url(form: str, rng: Random) -> str:
    return f"https://portal.hospital{digits(2, rng)}.org/report?id={digits(5, rng)}"


def ip(form: str, rng: Random) -> str:
    return f"192.168.{rng.randint(0, 255)}.{rng.randint(1, 254)}"


def ssn(form: str, rng: Random) -> str:
    return f"{rng.randint(101, 665)}-{rng.randint(10, 99)}-{digits(4, rng)}"


def bank_card(form: str, rng: Random) -> str:
    number = "6222" + digits(11, rng)
    return number + str(-luhn(number + "0") % 10)


def record(form: str, rng: Random) -> str:
    if form == "bed":
        return str(rng.randint(1, 60))
    return rng.choice(["", "ZY", "A"] if form != "letters" else ["CT", "XR"]) + digits(8, rng)


def account(form: str, rng: Random) -> str:
    return (
        digits(9, rng) if form == "qq" else rng.choice(["wxid_", "lifang", "doc-"]) + digits(4, rng)
    )


def plate(form: str, rng: Random) -> str:
    return f"{rng.choice('ABCD')}·{rng.choice('0123456789')}{digits(4, rng)}"


def postcode(form: str, rng: Random) -> str:
    return digits(6, rng)


def address(form: str, rng: Random) -> str:
    house = rng.choice(["{}号", "{}号院{}号楼", "{}号{}单元{}室"])
    house = house.format(*(rng.randint(1, 60) for _ in range(3)))
    return rng.choice(TOWNS.split()) + rng.choice(ROADS.split()) + house


def address_en(form: str, rng: Random) -> str:
    street, town = rng.choice(STREETS.split("|")), rng.choice(TOWNS_EN.split("|"))
    return f"{rng.randint(10, 9999)} {street}, {town}"


def hospital(form: str, rng: Random) -> str:
    return rng.choice(HOSPITALS.split())


def hospital_en(form: str, rng: Random) -> str:
    return rng.choice(HOSPITALS_EN.split("|"))


def _numeral(value: int) -> str:
    tens, ones = divmod(value, 10)
    head = {0: "", 1: "十"}.get(tens, NUMERALS[tens] + "十")
    return head + (NUMERALS[ones] if ones else "")


BOTH: Mapping[str, Maker] = {
    "age": age,
    "email": email,
    "url": url,
    "ip": ip,
    "bank_card": bank_card,
    "record": record,
}
MAKERS: Mapping[str, Mapping[str, Maker]] = {
    "zh": {
        **BOTH,
        "name": name,
        "date": day,
        "phone": phone,
        "address": address,
        "hospital": hospital,
        "identity_card": identity_card,
        "account": account,
        "plate": plate,
        "zip": postcode,
    },
    "en": {
        **BOTH,
        "name": name_en,
        "date": day_en,
        "phone": phone_en,
        "address": address_en,
        "hospital": hospital_en,
        "ssn": ssn,
    },
}
