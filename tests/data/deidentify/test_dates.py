from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medllm.data.deidentify import dates
from medllm.data.deidentify.calendar import shifted

WEEK = -7


def moved(text, days=WEEK, year=2001):
    """`text`, which is a date from end to end, moved."""
    found = [each for rule in dates.RULES for each in rule.find(text) if each.kind == "date"]
    assert found, text
    assert found[0].text == text
    return shifted(found[0], days, year=year)


@pytest.mark.parametrize(
    ("text", "a_week_earlier"),
    [
        ("2023年5月6日", "2023年4月29日"),
        ("2023 年 05 月 06 日", "2023 年 04 月 29 日"),
        ("2023年1月3号", "2022年12月27号"),
        ("08年5月6日", "08年4月29日"),
        ("二〇二三年五月二十一日", "二〇二三年五月十四日"),
        ("2023-05-06", "2023-04-29"),
        ("2023.5.6", "2023.4.29"),
        ("2024/3/1", "2024/2/23"),
        ("May 6, 2023", "April 29, 2023"),
        ("May 6th, 2023", "April 29th, 2023"),
        ("JAN 3, 2023", "DEC 27, 2022"),
        ("Sept. 8 2023", "Sep. 1 2023"),
        ("6 May 2023", "29 April 2023"),
        ("2023 Jan 12", "2023 Jan 5"),
        ("05/06/2023", "04/29/2023"),
        ("5/6/23", "4/29/23"),
        ("31/12/2023", "24/12/2023"),
    ],
)
def test_a_date_moves_and_keeps_its_form(text, a_week_earlier):
    assert moved(text) == a_week_earlier


@pytest.mark.parametrize(
    ("text", "earlier"),
    [
        ("2023年5月", "2022年9月"),  # 15 May less 231 days is 26 September
        ("May 2023", "September 2022"),
        ("05/2023", "09/2022"),
        ("5月6日", "9月17日"),
        ("April 5", "August 17"),
        ("2023年2月30日", "2022年6月30日"),  # there is none: the month moves, the day stays
        ("2023-02-31", "2022-06-31"),
    ],
)
def test_what_was_partial_or_impossible_stays_so(text, earlier):
    assert moved(text, -231, year=2023) == earlier


@given(st.dates(date(1990, 1, 1), date(2025, 1, 1)), st.integers(0, 900), st.integers(-104, -1))
def test_intervals_survive(first, days, weeks):
    second = first + timedelta(days)
    texts = [moved(f"{day.year}年{day.month}月{day.day}日", 7 * weeks) for day in (first, second)]
    after = [date(*map(int, text[:-1].replace("年", "月").split("月"))) for text in texts]
    assert after[1] - after[0] == timedelta(days)
    assert after[0].weekday() == first.weekday()


@pytest.mark.parametrize(
    ("text", "rule", "words"),
    [
        ("入院日期：20230506 08:30", "date", "20230506"),
        ("就诊于2023-05，", "date", "2023-05"),
        ("(2011-05-0519:36:43", "date", "2011-05-05"),
        ("今年4月1日起", "date", "4月1日"),
        ("since 9/95, he", "date_en", "9/95"),
        ("患者，男，92岁", "age", "92"),
        ("年龄：105", "age", "105"),
        ("九十三岁老人", "age", "九十三"),
        ("a 94-year-old man", "age_en", "94"),
        ("aged 101, she", "age_en", "101"),
        ("ninety-four years old", "age_en", "ninety-four"),
    ],
)
def test_a_date_or_an_age_is_found_by_its_context(removed, text, rule, words):
    assert removed(text) == [(rule, words)]


@pytest.mark.parametrize(
    "text",
    [
        "1985年起吸烟，2010年戒烟，病史10年3月余，1岁3月，生后1～3月",
        "90岁，65岁，18-95岁，婴儿6月，1月2次，3-5天，每日3次",
        "2023年13月5日，2023-45-67，5/6，12/8mmHg，2010-2012年",
        "They may 6 times a day march 3 miles; in 2012, aged 89, a 90-year-old.",
        "pain 5/10, 20/20 vision, 1-1/2 packs, T12/L1, 3/6 murmur",
    ],
)
def test_other_figures_are_no_dates(removed, text):
    assert removed(text) == []
