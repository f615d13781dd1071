import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydivsufsort import divsufsort, kasai
from transformers import PreTrainedTokenizerFast

from medllm.data.dedup.characters import starts_character
from medllm.data.dedup.exact import Exact
from medllm.data.dedup.windows import content_hashes
from medllm.errors import ConfigError, DataError

MEMORY = 10**6
EVERYWHERE = np.ones(70_000, dtype=bool)
DOCUMENTS = st.lists(st.lists(st.integers(0, 2), max_size=16), min_size=1, max_size=8)
UNHURRIED = settings(deadline=None)  # the first call compiles


def stream(*documents, dtype=np.uint16):
    offsets = np.cumsum([0, *map(len, documents)])
    return np.array([token for document in documents for token in document], dtype), offsets


def exact(window, keep="one", shortest=1):
    return Exact(window=window, keep=keep, shortest=shortest)


def spans(documents, how, starts=EVERYWHERE):
    (found,) = how.spans([stream(*documents)], starts_character=starts, memory=MEMORY)
    return found.tolist()


def pieces(documents, how, starts=EVERYWHERE):
    """What remains, each piece on its own."""
    left = []
    removed = spans(documents, how, starts)
    begin = 0
    for document in documents:
        cuts = [begin]
        for start, stop in removed:
            if begin <= start < begin + len(document):
                cuts += [start, stop]
        cuts.append(begin + len(document))
        bounds = np.array(cuts).reshape(-1, 2) - begin
        left += [document[start:stop] for start, stop in bounds if start < stop]
        begin += len(document)
    return left


def test_every_copy_goes_with_none():
    """[1 2 3] stands at 0 and at 5; the windows [2 3 4] and [2 3 9] occur once."""
    assert spans([[1, 2, 3, 4, 5], [1, 2, 3, 9]], exact(3, "none")) == [[0, 3], [5, 8]]


def test_one_copy_stays_with_one():
    found = spans([[1, 2, 3, 4, 5], [1, 2, 3, 9]], exact(3))
    assert found in ([[0, 3]], [[5, 8]])
    mirrored = spans([[1, 2, 3, 9], [1, 2, 3, 4, 5]], exact(3))
    assert mirrored == ([[4, 7]] if found == [[0, 3]] else [[0, 3]])


def test_of_equal_documents_the_first_stays():
    assert spans([[1, 2, 3], [1, 2, 3], [1, 2, 3]], exact(2)) == [[3, 6], [6, 9]]


def test_nothing_is_repeated_across_a_border():
    """[1 2] is within the first document, and otherwise only across the border of two others."""
    assert spans([[1, 2], [1], [2]], exact(2, "none")) == []


def test_overlapping_and_touching_windows_are_one_span():
    """[1 2] [2 3] overlap, [3 4] touches, each repeated elsewhere; 8 and 9 are not."""
    documents = [[8, 1, 2, 3, 4, 9], [1, 2, 3], [5, 3, 4]]
    assert spans(documents, exact(2, "none")) == [[1, 5], [6, 9], [10, 12]]


def test_a_long_rule_shrinks_to_one_period():
    """Windows of 4 over [7 7 7 7 7 7] start at 0, 1 and 2 and are equal; that at 0 stays."""
    assert spans([[7] * 6], exact(4)) == [[1, 6]]
    assert spans([[1, 2] * 4], exact(4)) == [[2, 8]]


def test_documents_shorter_than_a_window_stay():
    assert spans([[1, 2], [1, 2], []], exact(3, "none", shortest=9)) == []


def test_short_pieces_go_too():
    """[1 2 3] is repeated; before it one token is left, behind it two, and [4 5 6] between."""
    documents = [[9, 1, 2, 3, 4, 5, 6, 1, 2, 3, 8, 8], [1, 2, 3]]
    assert spans(documents, exact(3, "none", 1)) == [[1, 4], [7, 10], [12, 15]]
    assert spans(documents, exact(3, "none", 2)) == [[0, 4], [7, 10], [12, 15]]
    assert spans(documents, exact(3, "none", 3)) == [[0, 4], [7, 12], [12, 15]]
    assert spans(documents, exact(3, "none", 4)) == [[0, 12], [12, 15]]


def test_borders_move_inwards_to_characters():
    """Tokens 10 and up go on with a character. [12 1 2 3] is repeated; 12 is the rest of 5's.

    Behind it stands 11, the rest of 3's, so 3 stays as well; at the end of a document it goes.
    """
    starts = np.arange(20) < 10
    documents = [[5, 12, 1, 2, 3, 11], [6, 12, 1, 2, 3]]
    assert spans(documents, exact(4, "none"), starts) == [[2, 4], [8, 11]]


def test_a_window_inside_one_character_stays():
    starts = np.arange(20) < 10
    assert spans([[1, 11, 12, 3], [2, 11, 12, 4]], exact(2, "none"), starts) == []


@given(DOCUMENTS, st.integers(1, 6), st.sampled_from(["one", "none"]), st.integers(1, 4))
@UNHURRIED
def test_removing_twice_is_removing_once(documents, window, keep, shortest):
    left = pieces(documents, exact(window, keep, shortest))
    assert pieces(left, exact(window, keep, shortest)) == [piece for piece in left if piece]


@given(st.lists(st.lists(st.integers(1, 4), max_size=9), max_size=6))
@UNHURRIED
def test_removing_twice_is_removing_once_between_characters(sizes):
    """Characters of 1 to 4 tokens, all alike, so that only the cuts between them matter."""
    documents = [[t for size in d for t in range(10, 10 + size)] for d in sizes] or [[]]
    starts = np.arange(20) <= 10
    left = pieces(documents, exact(8), starts)
    assert pieces(left, exact(8), starts) == left
    assert all(starts[piece[0]] for piece in left)


@given(DOCUMENTS, st.integers(1, 6), st.sampled_from(["one", "none"]), st.randoms())
@UNHURRIED
def test_the_order_of_documents_does_not_matter(documents, window, keep, random):
    shuffled = random.sample(documents, len(documents))
    how = exact(window, keep)
    left, again = (Counter(map(tuple, pieces(d, how))) for d in (documents, shuffled))
    left.pop((), None)
    again.pop((), None)
    assert left == again


@given(DOCUMENTS, st.integers(1, 5))
@UNHURRIED
def test_every_token_that_leaves_has_a_copy_that_stays(documents, window):
    """From a window that leaves to the equal one that stays, until a token is met that stays."""
    ids, _ = stream(*documents)
    removed = {t for start, stop in spans(documents, exact(window)) for t in range(start, stop)}
    copy = copies(documents, window)
    for place in removed:
        met = place
        while met in removed:
            start = max(p for p in copy if p <= met < p + window)
            met += copy[start] - start
        assert ids[met] == ids[place]


def copies(documents, window):
    """Where a window leaves: the start of the equal one with the least (content hash, place)."""
    ids, offsets = stream(*documents)
    hashes, _ = content_hashes(ids, offsets)
    places = [
        (hashes[number], start)
        for number, (begin, stop) in enumerate(pairwise(offsets))
        for start in range(begin, stop - window + 1)
    ]
    stays = {ids[start : start + window].tobytes(): start for _, start in sorted(places)[::-1]}
    copy = {start: stays[ids[start : start + window].tobytes()] for _, start in places}
    return {start: other for start, other in copy.items() if start != other}


@given(DOCUMENTS, st.integers(1, 5))
@UNHURRIED
def test_no_window_is_left_twice(documents, window):
    left = pieces(documents, exact(window))
    starts = [tuple(p[i : i + window]) for p in left for i in range(len(p) - window + 1)]
    assert max(Counter(starts).values(), default=1) == 1


@given(DOCUMENTS, DOCUMENTS, st.integers(1, 5))
@UNHURRIED
def test_several_streams_are_as_one(some, more, window):
    how = exact(window)
    streams = [stream(*some), stream(*more)]
    first, second = how.spans(streams, starts_character=EVERYWHERE, memory=MEMORY)
    offset = sum(map(len, some))
    assert spans(some + more, how) == [*first.tolist(), *(second + offset).tolist()]


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.uint32])
def test_all_types_of_ids_and_memory_maps_work(dtype, tmp_path):
    ids, offsets = stream([1, 60_000, 3, 4], [1, 60_000, 3], dtype=dtype)
    ids.tofile(tmp_path / "ids")
    offsets.tofile(tmp_path / "offsets")
    mapped = (
        np.memmap(tmp_path / "ids", dtype, mode="r"),
        np.memmap(tmp_path / "offsets", np.int64, mode="r"),
    )
    for text in ((ids, offsets), mapped):
        (found,) = exact(3, "none").spans([text], starts_character=EVERYWHERE, memory=MEMORY)
        assert found.tolist() == [[0, 3], [4, 7]]


def test_the_report_counts_by_stream():
    """[1 2 3] stands twice in the first stream and once in the second; [1 2 3] of 5 is first."""
    streams = [stream([1, 2, 3], [1, 2, 3], [4, 5]), stream([0, 1, 2, 3])]
    found = exact(3, "none").find(streams, starts_character=EVERYWHERE, memory=MEMORY)
    assert found.windows.tolist() == [2, 2]
    assert found.repeated.tolist() == [2, 1]
    assert found.removed.tolist() == [6, 3]
    assert (found.collisions, found.sweeps) == (0, 1)


def test_nothing_to_search_gives_nothing():
    assert spans([], exact(3)) == []
    assert spans([[]], exact(3)) == []


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"window": 0}, "exact.window=0 must be 1 or more tokens"),
        ({"shortest": 0}, "exact.shortest=0 must be 1 or more tokens"),
        ({"keep": "two"}, "exact.keep='two' is not one of one, none"),
    ],
)
def test_nonsense_is_refused(changed, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        Exact(**({"window": 50, "keep": "one", "shortest": 1} | changed))


def test_an_id_the_tokenizer_does_not_know_is_refused():
    with pytest.raises(DataError, match="stream 1 holds the id 8, but the tokenizer has only 8"):
        exact(2).spans([stream([7]), stream([8])], starts_character=np.ones(8, bool), memory=MEMORY)


def test_too_little_memory_is_refused_and_the_least_named():
    text = stream(range(20_000))
    with pytest.raises(ConfigError, match="memory=9000 bytes is too little") as refused:
        exact(50).spans([text], starts_character=EVERYWHERE, memory=9_000)
    least = int(re.search(r"at least (\d+)", str(refused.value))[1])
    assert exact(50).find([text], starts_character=EVERYWHERE, memory=least).sweeps == 256


@pytest.fixture(scope="module")
def books(shared_data):
    """Real books in tokens of bytes, cut into documents of 3,000 characters, one in ten twice."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(shared_data / "tokenizer/minimind")
    paths = sorted((shared_data / "text/zh/tcm_books").glob("*.txt"))
    text = "".join(path.read_text("gb18030") for path in paths)
    documents = [text[start : start + 3_000] for start in range(0, len(text), 3_000)]
    documents += [f"附{document[500:-400]}" for document in documents[::10]]
    return tokenizer, [tokenizer.encode(d, add_special_tokens=False) for d in documents]


@pytest.mark.data
def test_the_windows_are_those_of_a_suffix_array(books):
    ids, offsets = stream(*books[1])
    window = 50
    suffixes = divsufsort(ids)
    run = np.cumsum(np.r_[True, kasai(ids, suffixes)[:-1] < window])  # equal for window tokens
    inside = np.zeros(len(ids), dtype=bool)
    for start, stop in pairwise(offsets):
        inside[start : max(start, stop - window + 1)] = True
    inside = inside[suffixes]
    counts = np.bincount(run[inside], minlength=run[-1] + 1)
    repeated = suffixes[inside & (counts[run] > 1)]
    covered = np.zeros(len(ids) + 1, dtype=int)
    np.add.at(covered, repeated, 1)
    np.add.at(covered, repeated + window, -1)
    expected = np.flatnonzero(np.cumsum(covered)[:-1])
    found = exact(window, "none").find([(ids, offsets)], starts_character=EVERYWHERE, memory=10**8)
    assert found.repeated.tolist() == [len(repeated)]
    tokens = np.concatenate([np.arange(start, stop) for start, stop in found.spans[0]])
    assert tokens.tolist() == expected.tolist()
    assert len(repeated) > 50_000


@pytest.mark.data
def test_memory_changes_sweeps_and_nothing_else(books):
    text = stream(*books[1])
    plenty, little = (
        exact(50).find([text], starts_character=EVERYWHERE, memory=memory)
        for memory in (10**8, 2 * len(text[0]))
    )
    assert (plenty.sweeps, little.sweeps) == (1, 7)
    assert plenty.spans[0].tolist() == little.spans[0].tolist()
    assert plenty.repeated.tolist() == little.repeated.tolist()


@pytest.mark.data
def test_no_character_is_cut(books):
    """龘 and 鲘 end with the byte 98, 龘 and 龗 begin with E9 BE; each byte is a token here."""
    tokenizer, [document, *_] = books
    texts = [f"甲龘{tokenizer.decode(document)}龘乙", f"丙鲘{tokenizer.decode(document)}龗丁"]
    documents = [tokenizer.encode(text, add_special_tokens=False) for text in texts]
    cut = tokenizer.batch_decode(pieces(documents, exact(50, "none")))
    whole = pieces(documents, exact(50, "none"), starts_character(tokenizer))
    assert any("\ufffd" in text for text in cut)
    assert tokenizer.batch_decode(whole) == ["甲龘", "龘乙", "丙鲘", "龗丁"]
