import pytest

from medllm.data.clean import keep
from medllm.types import Conversation, Document, Preference, Turn


def talk(*texts):
    """A conversation that the user begins."""
    roles = ("user", "assistant")
    return Conversation("x", tuple(Turn(roles[at % 2], text) for at, text in enumerate(texts)))


def pair(chosen, rejected):
    return Preference("x", (Turn("user", "头痛怎么办？"),), chosen, rejected)


def test_both_bounds_of_the_length_are_allowed():
    bounds = {"shortest": 3, "longest": 4}
    assert keep.length(Document("x", "abc"), **bounds) is True
    assert keep.length(Document("x", "abcd"), **bounds) is True
    assert keep.length(Document("x", "ab"), **bounds) == (False, "shorter than 3 characters (2)")
    assert keep.length(talk("ab", "cd"), **bounds) == (False, "longer than 4 characters (5)")


def test_the_longest_reply_counts():
    bounds = {"shortest": 3, "longest": 5}
    assert keep.reply_length(talk("q", "a long one", "thanks", "bye"), **bounds) == (
        False,
        "reply longer than 5 characters (10)",
    )
    assert keep.reply_length(talk("q", "word", "thanks", "ok"), **bounds) is True
    assert keep.reply_length(pair("ok", "a word"), **bounds) == (
        False,
        "reply shorter than 3 characters (2)",
    )
    assert keep.reply_length(Document("x", ""), **bounds) is True


def test_a_reason_names_the_language_found():
    assert keep.language(Document("x", "发热三天。"), allowed=["zh"]) is True
    assert keep.language(Document("x", "A fever."), allowed=["zh"]) == (False, "language is en")


def test_letters_are_counted_without_white_space():
    """4 of 8: 发热ab against 1234."""
    example = Document("x", "发热 ab\n1234")
    assert keep.letters(example, least=0.5) is True
    assert keep.letters(example, least=0.6) == (False, "share of letters below 0.6 (0.50)")


@pytest.mark.parametrize("broken", ["\ufffd", "\ue000", "\x00", "â€", "Ã©", "锛", "锟斤拷"])
def test_what_a_wrong_encoding_leaves_is_seen(broken):
    example = Document("x", "患者" + broken)
    refused = keep.unbroken(example, most=0)
    assert refused is not True
    assert refused[1].startswith("share of broken characters above 0 (")


def test_good_text_is_not_broken():
    assert keep.unbroken(Document("x", "naïve Ärzte ÃO 金属“钛”\n\t×10³ 😀"), most=0) is True


def test_repeated_lines_count_by_their_characters():
    """The second `bbb` is 3 of 7 characters."""
    example = Document("x", "a\nbbb\n\nbbb\n")
    assert keep.repeated_lines(example, most=0.43) is True
    assert keep.repeated_lines(example, most=0.4) == (
        False,
        "share of characters in repeated lines above 0.4 (0.43)",
    )


def test_a_looping_reply_is_refused_and_the_question_is_not_looked_at():
    """A loop of 10 characters, 8 times: the last 70 of 80 stood before."""
    loop = "要多休息并且多喝热水" * 8
    assert keep.repeated_ngrams(talk("怎么办", loop), n=10, most=0.2) == (
        False,
        "share of characters in repeated 10-grams above 0.2 (0.88)",
    )
    assert keep.repeated_ngrams(talk(loop, "多喝水。"), n=10, most=0.2) is True
    assert keep.repeated_ngrams(pair("多喝水。", loop), n=10, most=0.2) is True


def test_the_top_ngram_is_the_one_that_covers_most():
    """50 words of one letter: `x y` ten times is 20 of 50, all others stand once."""
    words = " ".join(f"x y {chr(97 + i)} {chr(65 + i)} {i}" for i in range(10))
    example = Document("x", words)
    assert keep.top_ngram(example, n=2, most=0.4) is True
    assert keep.top_ngram(example, n=2, most=0.39) == (
        False,
        "share of characters in one 2-gram above 0.39 (0.4)",
    )


def test_boilerplate_is_counted_by_its_characters():
    """4 of 8."""
    example = Document("x", "发热休息点击查看")
    assert keep.boilerplate(example, patterns=["点击查看"], most=0.5) is True
    assert keep.boilerplate(example, patterns=["点击查看"], most=0.4) == (
        False,
        "share of boilerplate above 0.4 (0.5)",
    )


def test_a_text_that_was_cut_is_refused():
    assert keep.complete(talk("问，", "多喝水，"), never_last="，(") == (
        False,
        "ends in the middle (，)",
    )
    assert keep.complete(talk("问，", "多喝水。 "), never_last="，(") is True
    assert keep.complete(pair("好。", "因为，"), never_last="，(") is True
    assert keep.complete(Document("x", ""), never_last="，(") is True


def test_every_question_needs_a_reply_of_its_own():
    assert keep.answered(talk("头痛怎么办？", "多休息。")) is True
    assert keep.answered(talk("头痛怎么办？", "……")) == (False, "empty reply")
    assert keep.answered(talk("头痛怎么办？", "头痛，怎么办")) == (
        False,
        "reply repeats the question",
    )
    assert keep.answered(Document("x", "")) is True
