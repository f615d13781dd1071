"""Which entries a corpus gives."""

import csv
import json

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from medllm.errors import ConfigError, DataError
from medllm.model.extension import measure, merge
from medllm.model.extension.core import Entry, core_of
from medllm.model.extension.learn import learn
from tests.model.extension.longer import FEVER, KEYS, learnt


def test_the_most_frequent_pair_is_merged_first(letters):
    """Words: aba 2, ab 1, ba 2. So ab 3 times, ba 4 times; then a|ba 2 times."""
    assert learnt(["aba\naba\nab\nba\nba"], letters, 2) == [
        ("ba", ["b", "a"]),
        ("aba", ["a", "b", "a"]),
    ]


def test_nothing_is_merged_across_the_words_of_the_base(letters):
    """The pattern of the base gives "x", " y" and " x": only the blank may be merged."""
    assert learnt(["x y x", "x y"], letters, 2, min_count=1) == [
        (" y", [" ", "y"]),
        (" x", [" ", "x"]),
    ]
    with pytest.raises(DataError, match="only 2 of 3 new entries"):
        learnt(["x y x", "x y"], letters, 3, min_count=1)


def test_an_entry_stands_for_whole_tokens_of_the_base(tokenizer):
    core = core_of(tokenizer)
    for entry in learn(FEVER, tokenizer, size=332, **KEYS):
        assert "".join(core.tokens[number] for number in entry.parts) == entry.token
        assert len(entry.parts) > 1


def test_the_same_corpus_gives_the_same_entries(tokenizer):
    first, again = (learn(FEVER, tokenizer, size=332, **KEYS) for _ in range(2))
    assert first == again


def test_fewer_entries_are_the_first_of_more(tokenizer):
    few, many = (learn(FEVER, tokenizer, size=size, **KEYS) for size in (325, 332))
    assert many[:5] == few


def test_no_entry_is_longer_than_asked_for(letters):
    said = [text for text, _ in learnt(["aaaaaaaa", "aaaaaaaa"], letters, 2, longest=4)]
    assert said == ["aa", "aaaa"]
    with pytest.raises(DataError, match="at most longest=4 characters: use size=259 at most"):
        learnt(["aaaaaaaa", "aaaaaaaa"], letters, 3, longest=4)


def test_a_corpus_that_is_too_small_says_how_much_it_gives(letters):
    with pytest.raises(
        DataError,
        match=r"only 1 of 5 new entries stand min_count=2 times .* use size=258 at most, or",
    ):
        learnt(["ab ab"], letters, 5)


@pytest.mark.parametrize("size", [320, 12])
def test_a_size_that_is_not_above_the_base_is_refused(tokenizer, size):
    with pytest.raises(ConfigError, match=f"size={size} is not above the 320 entries of the base"):
        learn(FEVER, tokenizer, size=size, **KEYS)


def test_a_tokenizer_of_another_kind_is_refused():
    core = Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1}, unk_token="[UNK]"))
    words = "the tokenizer of `model` is WordPiece, neither byte-level BPE nor SentencePiece"
    with pytest.raises(ConfigError, match=words):
        learn(FEVER, PreTrainedTokenizerFast(tokenizer_object=core), size=10, **KEYS)


def test_a_special_token_in_a_text_is_text(letters):
    """The pattern of the base gives "<", "end" and ">"."""
    assert learnt(["<end>"] * 2, letters, 2) == [("en", ["e", "n"]), ("end", ["e", "n", "d"])]


def test_characters_that_the_base_spells_get_an_entry_first(pieces):
    """患 stands 3 times and 者 twice, in three bytes each; "?" is one byte, which is a token."""
    assert learnt(["患者患?患者?"], pieces, 3) == [
        ("患", ["<0xE6>", "<0x82>", "<0xA3>"]),
        ("者", ["<0xE8>", "<0x80>", "<0x85>"]),
        ("患者", ["<0xE6>", "<0x82>", "<0xA3>", "<0xE8>", "<0x80>", "<0x85>"]),
    ]


def test_rare_characters_stay_spelt_where_less_is_to_be_covered(pieces):
    """3 of 4 characters are 患; with .75 covered, 者 gets nothing."""
    assert [text for text, _ in learnt(["患患患者"], pieces, 2, coverage=0.75)] == ["患", "患患"]


def test_words_of_pieces_have_letters_or_digits_or_signs(pieces):
    """Neither 1a nor 1, is one word; a blank and the 1 behind it, which stand 3 times, are."""
    assert learnt(["1a1a 1, 1,"], pieces, 1) == [("▁1", ["▁", "1"])]
    with pytest.raises(DataError, match="only 1 of 2 new entries"):
        learnt(["1a1a 1, 1,"], pieces, 2)


def lessons(file):
    with open(file, encoding="utf-8-sig", newline="") as rows:
        return ["\n".join(filter(None, row.values())) for row in csv.DictReader(rows)]


def apart(texts, base, number):
    """The first entries that `base` lacks of a tokenizer that knows nothing of it."""
    own = Tokenizer(models.BPE())
    own.pre_tokenizer = base.cutter.pre_tokenizer
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=6000, min_frequency=2, initial_alphabet=alphabet, show_progress=False
    )
    own.train_from_iterator(texts, trainer)
    known = set(base.tokens)
    merges = json.loads(own.to_str())["model"]["merges"]
    missing = dict.fromkeys(a + b for a, b in merges if a + b not in known)
    return [Entry(token, (0,)) for token in list(missing)[:number]]


@pytest.mark.data
def test_merging_on_saves_more_than_pieces_trained_apart(shared_data, minimind, tmp_path):
    """As Chinese-LLaMA adds pieces: the first that the base lacks of a tokenizer of its own."""
    train, test = (lessons(shared_data / f"exam/cmexam/{name}.csv") for name in ("train", "test"))
    ours = learn(train, minimind, size=8000, min_count=2, longest=16, coverage=1.0)
    theirs = apart(train, core_of(minimind), 1600)
    tokens = [
        measure.compression(test, merge.extended(core_of(minimind), entries))["tokens"]
        for entries in (ours, theirs)
    ]
    assert tokens[0] < tokens[1]
