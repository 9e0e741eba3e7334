import pytest
from hypothesis import given
from hypothesis import strategies as st

from samekind.core.text import counted, decimal, duration, percent, size_text, times, visible_percent


def test_one_is_singular() -> None:
    """1 image, but 0 images and 70,000 images; irregular plurals are given."""
    assert [counted(n, "image") for n in (0, 1, 70_000)] == ["0 images", "1 image", "70,000 images"]
    assert [counted(n, "class", "classes") for n in (1, 2)] == ["1 class", "2 classes"]


def test_sizes_are_in_powers_of_ten() -> None:
    """With as many digits as one reads."""
    sizes = (0, 999_499, 1_000_000, 1_505_280_000, 15_052_800_000, 150_528_000_000)
    assert [size_text(size) for size in sizes] == ["0 kB", "999 kB", "1 MB", "1,505 MB", "15.1 GB", "150.5 GB"]


def test_times_get_coarser() -> None:
    """Seconds, minutes from a minute and a half on, hours from an hour and a half on."""
    assert [duration(s) for s in (40, 89, 90, 720, 9000)] == ["40 s", "89 s", "2 min", "12 min", "2.5 h"]


@pytest.mark.parametrize(("share", "text"), [(0.0, "0.0 %"), (0.1234, "12.3 %"), (1.0, "100.0 %"), (0.0004, "0.0 %")])
def test_percent(share: float, text: str) -> None:
    """Shares become per cent, with as many decimals as asked for."""
    assert percent(share) == text
    assert percent(0.12345, 0) == "12 %"
    assert percent(0.12345, 2) == "12.35 %"


def test_numbers_and_factors() -> None:
    """Decimals as asked for, 2 at first; a factor has one, and its thousands apart."""
    assert [decimal(0.12345), decimal(0.12345, 4), decimal(7, 0)] == ["0.12", "0.1235", "7"]
    assert [times(8.23), times(1234.56)] == ["8.2 ×", "1,234.6 ×"]


def test_what_is_undefined_is_a_dash() -> None:
    """Never `nan` or `None`."""
    assert {percent(None), percent(None, 2), visible_percent(None), decimal(None), times(None)} == {"–"}


@given(st.floats(0, 1, exclude_min=True, allow_subnormal=False))
def test_a_share_above_zero_never_reads_as_zero(share: float) -> None:
    """It reads as `percent` has it wherever that is not zero, and otherwise as one digit that is right to half of itself."""
    text = visible_percent(share)
    assert float(text.removesuffix(" %")) > 0
    if float(percent(share).removesuffix(" %")) > 0:
        assert text == percent(share)
    else:
        assert float(text.removesuffix(" %")) == pytest.approx(100 * share, rel=0.5)


def test_no_share_at_all_is_zero() -> None:
    """Zero itself is not dressed up."""
    assert visible_percent(0.0) == "0.0 %"
