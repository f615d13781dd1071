from hypothesis import given
from hypothesis import strategies as st

from medllm.data.clean import repetition


def covered(words, n):
    """Share of characters in words that a sequence of n covers which stood before, slowly."""
    seen, is_covered = set(), [False] * len(words)
    for start in range(len(words) - n + 1):
        window = tuple(words[start : start + n])
        if window in seen:
            is_covered[start : start + n] = [True] * n
        seen.add(window)
    sizes = [len(word) for word in words]
    return sum(s for s, c in zip(sizes, is_covered, strict=True) if c) / sum(sizes)


@given(st.lists(st.sampled_from(["a", "bb", "血"]), min_size=50, max_size=80), st.integers(1, 9))
def test_repeated_sequences_are_those_found_one_by_one(words, n):
    assert repetition.ngrams(" ".join(words), n) == covered(words, n)


def test_a_short_text_repeats_nothing():
    """49 words are too few to judge, 50 are not."""
    assert repetition.ngrams("啊" * 49, 5) == 0
    assert repetition.top_ngram("啊" * 49, 2) == 0
    assert repetition.top_ngram("啊" * 50, 2) == 1
    assert repetition.lines("") == 0
