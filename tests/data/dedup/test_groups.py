import numpy as np

from medllm.data.dedup.groups import Groups


def pairs(*of):
    return np.array(of, dtype=np.int64).reshape(-1, 2)


def test_a_chain_is_one_group_with_the_largest_as_root():
    groups = Groups(6)
    groups.decide(pairs((0, 1), (2, 4), (1, 2)), np.array([True, True, True]))
    assert groups.roots(np.arange(6)).tolist() == [4, 4, 4, 3, 4, 5]


def test_what_is_decided_is_not_asked_again():
    """0, 1 and 2 are joined, (3, 4) refused; (2, 3) was never asked."""
    groups = Groups(5)
    groups.decide(pairs((0, 1), (3, 4), (1, 2)), np.array([True, False, True]))
    left = groups.undecided(pairs((0, 2), (2, 3), (3, 4), (0, 4)))
    assert left.tolist() == [[2, 3], [0, 4]]


def test_nothing_to_decide_is_fine():
    groups = Groups(2)
    groups.decide(pairs(), np.empty(0, dtype=bool))
    assert groups.undecided(pairs()).tolist() == []


def test_a_number_refused_256_times_is_left_alone():
    groups = Groups(300)
    refused = pairs(*((0, other) for other in range(1, 257)))
    groups.decide(refused, np.zeros(256, dtype=bool))
    assert groups.undecided(pairs((0, 299), (1, 299))).tolist() == [[1, 299]]
