from hypothesis import given
from hypothesis import strategies as st

from medllm.data.deidentify.checks import check_figure, luhn

SEVENTEEN = st.text("0123456789", min_size=17, max_size=17)


def test_the_check_figure_of_an_identity_card_by_hand():
    """GB 11643's own example: the products sum to 167, 167 mod 11 = 2, and 2 is written X."""
    assert check_figure("11010519491231002") == "X"


@given(SEVENTEEN, st.integers(0, 16), st.integers(1, 9))
def test_one_wrong_figure_changes_the_check_figure(digits, at, more):
    wrong = digits[:at] + str((int(digits[at]) + more) % 10) + digits[at + 1 :]
    assert check_figure(wrong) != check_figure(digits)


def test_luhn_by_hand():
    """7992739871 and its check figure 3: 67 + 3 = 70."""
    assert luhn("79927398713") == 0
    assert luhn("79927398714") == 1
