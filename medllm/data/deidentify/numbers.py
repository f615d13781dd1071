"""Numbers that belong to one person: cards, telephones, accounts, records, addresses of the net.

A number counts by its checksum, its form or the word before it, never by its length alone:
doses, laboratory values, codes of diseases and years stay as they are.
"""

import re

from medllm.data.deidentify import words_en, words_zh
from medllm.data.deidentify.checks import is_bank_card, is_identity_card, is_ip, is_number
from medllm.data.deidentify.rule import Rule, either

DIGITS = "0123456789"
GAP = "[ .-]?"  # between two figures of a number
START, END = r"(?<![\dA-Za-z.])", r"(?![\dA-Za-z]|\.\d)"
IS = "(?:号码?)?(?:是|为)?[: ]{0,3}"
# GB/T 2260: the first two figures of a card are the province. 15 figures until 1999, now 18.
CARD = (
    r"(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[12])"
    rf"(?:{GAP}\d){{13}}(?:(?:{GAP}\d){{2}}{GAP}[\dXx])?"
)
PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"  # on a car's plate

RULES = (
    Rule(
        name="url",
        kind="url",
        language="any",
        pattern=re.compile(r"(?:https?://|www\.)[\w.~:/?#\[\]@!$&'*+;=%-]*[\w/]", re.ASCII),
        needs=":.",
    ),
    Rule(
        name="email",
        kind="email",
        language="any",
        pattern=re.compile(r"[\w.+-]+ ?@ ?[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", re.ASCII),
        needs="@",
    ),
    Rule(
        name="ip",
        kind="ip",
        language="any",
        pattern=re.compile(r"(?<![\d.])(?P<id>\d{1,3}(?:\.\d{1,3}){3})(?![\d.]*\d)"),
        holds=is_ip,
        needs=".",
    ),
    Rule(
        name="identity_card",
        kind="identity_card",
        language="zh",
        pattern=re.compile(f"{START}(?P<id>{CARD}){END}"),
        holds=is_identity_card,
        needs=DIGITS,
    ),
    Rule(
        name="identity_card_named",
        kind="identity_card",
        language="zh",
        pattern=re.compile(rf"证件?{IS}(?P<id>\d(?:{GAP}\d){{13,16}}{GAP}[\dXx]){END}"),
        needs="证",
    ),
    Rule(
        name="bank_card",
        kind="bank_card",
        language="any",
        pattern=re.compile(
            rf"{START}(?P<id>[3-6]\d{{3}}(?:[ -]?\d{{4}}){{3}}(?:[ -]?\d{{1,3}})?"
            rf"|3[47]\d\d[ -]?\d{{6}}[ -]?\d{{5}}){END}"
        ),
        holds=is_bank_card,
        needs=DIGITS,
    ),
    Rule(
        name="bank_card_named",
        kind="bank_card",
        language="zh",
        pattern=re.compile(
            rf"(?:银行卡|信用卡|储蓄卡|银行账[号户])(?:卡号)?{IS}(?P<id>\d(?:{GAP}\d){{14,18}}){END}"
        ),
        needs="卡账",
    ),
    Rule(
        name="ssn",
        kind="ssn",
        language="en",
        pattern=re.compile(rf"{START}(?P<id>(?!000|666|9)\d{{3}}([- ])\d\d\2\d{{4}}){END}"),
        needs=DIGITS,
    ),
    Rule(
        name="record_number",
        kind="record",
        language="zh",
        pattern=re.compile(
            rf"{either(words_zh.RECORDS)}(?:号码?|编号|ID|No\.?)(?:是|为)?[: #]{{0,3}}"
            rf"(?P<id>[A-Za-z]{{0,4}}[- ]?\d(?:[\w-]| (?=\d)){{1,24}}){END}",
            re.ASCII,
        ),
        needs="号ID",
    ),
    Rule(
        name="bed",
        kind="record",
        language="zh",
        pattern=re.compile(
            r"(?:床号[: ]{0,2}\+?|(?<![\d.+-])\+?(?=\d{1,3} ?号?床(?![位旁边垫单头张/])))"
            r"(?P<id>\d{1,3})(?!\d)"
        ),
        needs="床",
    ),
    Rule(
        name="record_number_en",
        kind="record",
        language="en",
        pattern=re.compile(
            rf"\b(?i:{either(words_en.RECORDS)}(?: (?:number|no\.?|num|id)\b| ?[#:])+|MRN)"
            r"[ :#]{0,3}(?i:is )?"
            rf"(?P<id>(?=[A-Za-z-]*\d)[A-Za-z0-9][\w-]{{2,24}}){END}",
            re.ASCII,
        ),
        holds=is_number,
        needs="#:RrNn",
    ),
    Rule(
        name="bed_en",
        kind="record",
        language="en",
        pattern=re.compile(
            r"\b(?:[Bb]ed|[Rr]oom|BED|ROOM)(?: (?:number|no\.?)| ?#|:)? ?(?P<id>\d{1,4}[A-D]?)\b"
        ),
        needs="bBrR",
    ),
    Rule(
        name="account",
        kind="account",
        language="zh",
        pattern=re.compile(
            r"(?i:微信|威信|weixin|wechat|\bvx|QQ|扣扣|加.?扣|企鹅号|支付宝|抖音)(?:号码?|ID)?"
            r"[是为: ]{0,3}(?P<id>[A-Za-z0-9][\w-]{4,19})(?![\w@])",
            re.ASCII,
        ),
        needs="微威wWvVQq扣支抖企",
    ),
    Rule(
        name="phone",
        kind="phone",
        language="zh",
        pattern=re.compile(
            rf"{START}(?:\+? ?86{GAP})?(?P<id>1[3-9]\d(?:{GAP}\d){{8}}"
            r"|(?<!\d[ -])\(?0[1-9]\d{1,2}[- )]{1,2}\d{3,4} ?\d{4}|0(?:10|2\d|[3-9]\d\d)\d{7,8}"
            rf"|[48]00[- ]?\d{{3}}[- ]?\d{{4}}|[48]00[- ]\d{{4}}[- ]\d{{3}}){END}"
        ),
        needs=DIGITS,
    ),
    Rule(
        name="phone_named",
        kind="phone",
        language="zh",
        pattern=re.compile(
            rf"(?:电话|手机|联系方式|座机|传真|热线|拨打){IS}(?P<id>\d(?:{GAP}\d){{6,12}}){END}"
        ),
        needs="电手联座传热拨",
    ),
    Rule(
        name="phone_numerals",
        kind="phone",
        language="zh",
        pattern=re.compile("[一幺][三四五六七八九](?:[- ]?[〇零一二三四五六七八九幺两]){9}"),
        needs="一幺",
    ),
    Rule(
        name="phone_en",
        kind="phone",
        language="en",
        pattern=re.compile(
            r"(?<![\d.-])(?:\+?1[-. ])?"
            r"(?P<id>(?:\([2-9]\d\d\) ?|[2-9]\d\d[-. ])[2-9]\d\d[-. ]\d{4})(?![\d-])"
        ),
        needs=DIGITS,
    ),
    Rule(
        name="phone_named_en",
        kind="phone",
        language="en",
        pattern=re.compile(
            r"\b(?i:phone|telephone|tel|cell|mobile|fax|pager|call(?: me)? at)"
            r"(?: (?:number|no\.?))?(?: is)?[.: #]{0,3}(?P<id>\+?\d(?:[-. ()]{0,2}\d){6,13})(?!\d)"
        ),
        needs=DIGITS,
    ),
    Rule(
        name="phone_abroad",
        kind="phone",
        language="any",
        pattern=re.compile(
            r"(?<![\w+.])(?P<id>\+(?!86|1[-. ])\d{1,3}(?:[-. ()]{1,2}\d{1,5}){2,5})(?!\d)"
        ),
        needs="+",
    ),
    Rule(
        name="plate",
        kind="plate",
        language="zh",
        pattern=re.compile(
            rf"[{PROVINCES}](?P<id>[A-HJ-NP-Z][·. ]?(?=[A-Z]*\d)[A-HJ-NP-Z0-9]{{5,6}}){END}"
        ),
        needs=DIGITS,
    ),
)
