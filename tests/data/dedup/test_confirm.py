import numpy as np

from medllm.data.dedup.confirm import are_similar

ALPHABET = "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往"


def similar(one, other, *, jaccard, edit, shingle=1):
    [found] = are_similar(
        [one, other],
        np.array([[0, 1]]),
        unit="character",
        shingle=shingle,
        jaccard=jaccard,
        edit=edit,
        workers=1,
    )
    return bool(found)


def test_both_must_be_exceeded_not_met():
    """18 of 20 characters are equal, 2 replaced: J = 18 / 22 = .818, edits 1 - 2 / 20 = .9."""
    other = ALPHABET[:-2] + "秋收"
    assert similar(ALPHABET, other, jaccard=0.8, edit=0.8)
    assert similar(ALPHABET, other, jaccard=18 / 22 - 0.001, edit=0.899)
    assert not similar(ALPHABET, other, jaccard=18 / 22, edit=0.8)
    assert not similar(ALPHABET, other, jaccard=0.8, edit=0.9)


def test_the_same_shingles_in_another_order_are_not_similar():
    """Halves exchanged: J = 1 of single characters, but all 20 places have another one."""
    assert not similar(ALPHABET, ALPHABET[10:] + ALPHABET[:10], jaccard=0.8, edit=0.8)


def test_many_pairs_are_judged_each_on_its_own():
    texts = ["甲乙丙丁", "甲乙丙丁", "子丑寅卯", ""]
    pairs = np.array([[0, 1], [1, 2], [0, 3], [3, 3]])
    found = are_similar(texts, pairs, unit="character", shingle=2, jaccard=0.8, edit=0.8, workers=2)
    assert found.tolist() == [True, False, False, True]


def test_no_pairs_are_fine():
    pairs = np.empty((0, 2), dtype=np.int64)
    assert not len(are_similar([], pairs, unit="word", shingle=5, jaccard=0.8, edit=0.8, workers=1))
