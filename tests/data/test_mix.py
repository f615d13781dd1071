from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medllm.data import mix
from medllm.errors import ConfigError

SIZES = st.dictionaries(st.sampled_from("abc"), st.integers(1, 30), min_size=1)

# HuatuoGPT-II: counts of the paper, priorities and repeats of its data_process.py
# (../shared/spec/recipes.md, 3.1 and 3.2).
HUATUO2 = {
    "web_cn": (640_621, 32, 1),
    "web_en": (394_490, 32, 1),
    "lit_cn": (177_261, 16, 1),
    "lit_en": (878_241, 16, 1),
    "enc_cn": (411_183, 8, 1),
    "enc_en": (147_059, 8, 1),
    "books_cn": (1_802_517, 4, 1),
    "books_en": (801_522, 4, 1),
    "sft": (142_248, 1, 3),
}
COUNTS, PRIORITIES, REPEATS = (
    {name: values[column] for name, values in HUATUO2.items()} for column in range(3)
)


@given(sizes=SIZES, epochs=st.integers(1, 3), seed=st.integers(0, 99))
def test_all_once_shows_every_entry_once_per_epoch(sizes, epochs, seed):
    order = mix.all_once(sizes, epochs=epochs, seed=seed)
    everything = [[s, e] for s, n in enumerate(sizes.values()) for e in range(n)]
    for epoch in np.split(order, epochs):
        assert sorted(epoch.tolist()) == everything


def test_quota_holds_15_4_1_in_every_block_of_20():
    order = mix.quota(
        {"books": 75, "papers": 100, "general": 3},
        weights={"books": 15, "papers": 4, "general": 1},
        anchor="books",
        epochs=2,
        seed=0,
    )
    assert order.shape == (200, 2)  # 2 epochs * 75 books / 15 = 10 blocks of 20
    for block in order[:, 0].reshape(-1, 20):
        assert np.bincount(block).tolist() == [15, 4, 1]


@given(
    parts=st.dictionaries(
        st.sampled_from("abcd"), st.tuples(st.integers(1, 30), st.integers(1, 6)), min_size=1
    ),
    data=st.data(),
)
def test_quota_holds_in_every_batch_for_any_weights_and_sizes(parts, data):
    """A batch is any whole number of blocks, each of as many rows as the weights add up to."""
    sizes, weights = ({name: part[n] for name, part in parts.items()} for n in (0, 1))
    anchor = data.draw(st.sampled_from(sorted(parts)))
    order = mix.quota(sizes, weights=weights, anchor=anchor, epochs=2, seed=0)
    batch = sum(weights.values()) * data.draw(st.integers(1, 3))
    for start in range(0, len(order) - batch + 1, batch):
        counts = np.bincount(order[start : start + batch, 0], minlength=len(parts))
        shares = counts / batch * sum(weights.values())
        assert shares.tolist() == list(weights.values())


def test_an_epoch_shows_the_anchor_once_and_fills_up_the_last_block():
    """7 entries at 3 to a block: 3 blocks, 9 places, so two entries are seen again."""
    order = mix.quota({"a": 7, "b": 50}, weights={"a": 3, "b": 1}, anchor="a", epochs=1, seed=1)
    anchor = order[order[:, 0] == 0, 1]
    assert sorted(anchor[:7]) == list(range(7))
    assert len(anchor) == 9


@given(
    sizes=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    weights=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    epochs=st.integers(1, 4),
)
def test_no_entry_is_seen_twice_more_than_another(sizes, weights, epochs):
    """A source restarts when it has run out, never before, even between epochs."""
    order = mix.quota(
        dict(zip("ab", sizes, strict=True)),
        weights=dict(zip("ab", weights, strict=True)),
        anchor="a",
        epochs=epochs,
        seed=0,
    )
    for source, size in enumerate(sizes):
        seen = np.bincount(order[order[:, 0] == source, 1], minlength=size)
        assert seen.max() - seen.min() <= 1
    assert (np.bincount(order[order[:, 0] == 0, 1]) >= epochs).all()


@given(sizes=SIZES, seed=st.integers(0, 99))
def test_priority_loses_and_invents_nothing(sizes, seed):
    order = mix.priority(
        sizes,
        priorities=dict.fromkeys(sizes, 2.0),
        repeats=dict.fromkeys(sizes, 2),
        epochs=1,
        seed=seed,
    )
    assert sorted(order.tolist()) == sorted(
        2 * [[s, e] for s, n in enumerate(sizes.values()) for e in range(n)]
    )


@given(urgent=st.integers(1, 40), others=st.integers(1, 5))
def test_priority_draws_the_first_by_its_law(urgent, others):
    """One entry of priority p beside n of priority 1 comes first with chance p / (p + n)."""
    seeds = 400
    first = [
        mix.priority(
            {"a": 1, "b": others},
            priorities={"a": urgent, "b": 1.0},
            repeats={"a": 1, "b": 1},
            epochs=1,
            seed=seed,
        )[0, 0]
        for seed in range(seeds)
    ]
    chance = urgent / (urgent + others)
    # Five standard errors of 400 draws; one in 10,000 for the sparsest of these laws.
    assert first.count(0) / seeds == pytest.approx(
        chance, abs=5 * (chance * (1 - chance) / seeds) ** 0.5
    )


def test_priority_starts_huatuo2_with_the_web():
    """Shares at the start: count * priority over their sum, recipes.md 3.1."""
    share = _share(0.0)
    expected = {
        "web_cn": 0.314,
        "web_en": 0.193,
        "lit_en": 0.215,
        "books_cn": 0.110,
        "enc_cn": 0.050,
        "books_en": 0.049,
        "lit_cn": 0.043,
        "enc_en": 0.018,
    }
    assert {name: round(share[name], 3) for name in expected} == expected
    assert round(share["sft"], 4) == 0.0065


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (0.5, {"web_cn": 0.079, "lit_en": 0.216, "books_cn": 0.313, "enc_cn": 0.101, "sft": 0.024}),
        (0.8, {"books_cn": 0.545, "books_en": 0.242, "sft": 0.081}),
        (0.95, {"books_cn": 0.461, "sft": 0.324}),
        (0.99, {"sft": 0.948}),
    ],
)
def test_priority_ends_huatuo2_with_the_instructions(at, expected):
    share = _share(at)
    assert {name: round(share[name], 3) for name in expected} == expected


def test_priority_draws_what_its_limit_expects():
    """A hundredth of HuatuoGPT-II: 3 % of 56,791 entries around the middle of the run."""
    sizes = {name: count // 100 for name, count in COUNTS.items()}
    order = mix.priority(sizes, priorities=PRIORITIES, repeats=REPEATS, epochs=1, seed=7)
    middle = order[round(0.485 * len(order)) : round(0.515 * len(order)), 0]
    drawn = np.bincount(middle, minlength=len(sizes)) / len(middle)
    # 1,704 draws: a share of 0.3 has a standard error of 0.011.
    assert drawn == pytest.approx(list(_share(0.5).values()), abs=0.03)


def test_the_seed_alone_decides():
    mixers = [
        mix.all_once,
        partial(mix.quota, weights={"a": 2, "b": 1}, anchor="a"),
        partial(mix.priority, priorities={"a": 2.0, "b": 1.0}, repeats={"a": 1, "b": 1}),
    ]
    for mixer in mixers:
        first, again, other = (mixer({"a": 9, "b": 9}, epochs=2, seed=s) for s in (1, 1, 2))
        assert first.tolist() == again.tolist() != other.tolist()


def test_quota_refuses_other_sources():
    with pytest.raises(ConfigError, match="weights names a, c; the sources are a, b"):
        mix.quota({"a": 1, "b": 1}, weights={"a": 1, "c": 1}, anchor="a", epochs=1, seed=0)


def test_quota_refuses_an_anchor_and_a_weight_at_once():
    with pytest.raises(ConfigError, match=r"weights.b=0 must be(.|\n)*anchor='c' is not one of a"):
        mix.quota({"a": 1, "b": 1}, weights={"a": 1, "b": 0}, anchor="c", epochs=1, seed=0)


def test_priority_refuses_what_is_not_positive():
    with pytest.raises(ConfigError, match=r"priorities\.a=0\.0 must be positive"):
        mix.priority({"a": 1}, priorities={"a": 0.0}, repeats={"a": 1}, epochs=1, seed=0)


def _share(at):
    return mix.priority_share(COUNTS, priorities=PRIORITIES, repeats=REPEATS, at=at)
