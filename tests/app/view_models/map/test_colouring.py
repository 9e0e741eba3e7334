from __future__ import annotations

import numpy as np

from samekind.app.view_models.map.colouring import GREY, MOST_COLOURS, by_name, by_number, commonest


def test_the_commonest_names_get_a_colour() -> None:
    """Equally frequent ones in the order of the alphabet; the rest is grey and counted."""
    values = ["b", "a", "c", "c", None, "d"]
    assert commonest(values, 3) == ["c", "a", "b"]
    found = by_name(values, commonest(values, 3), "no label")
    assert found.code_N.tolist() == [2, 1, 0, 0, GREY, GREY]
    assert (found.names, found.counts, found.num_grey, found.rest) == (
        ("c", "a", "b"),
        [2, 1, 1],
        2,
        "1 other and no label",
    )


def test_of_many_classes_ten_are_in_colour() -> None:
    """However many are chosen; nothing is left out where all are."""
    values = [f"class {n:02d}" for n in range(81)]
    found = by_name(values, values, "no label")
    assert len(found.names) == MOST_COLOURS
    assert (found.num_grey, found.rest) == (71, "71 others")
    assert by_name(["a", "b"], ["a", "b"], "no label").rest == ""


def test_shares_are_coloured_in_fifths() -> None:
    """Of equal width, the last with its upper end; what is unknown is grey."""
    found = by_number(np.array([0.0, 0.19, 0.2, 0.99, 1.0, np.nan]), "no label", percent=True)
    assert found.code_N.tolist() == [0, 0, 1, 4, 4, GREY]
    assert found.names == ("0 % – 20 %", "20 % – 40 %", "40 % – 60 %", "60 % – 80 %", "80 % – 100 %")
    assert (found.rest, found.ordered) == ("no label", True)


def test_numbers_are_coloured_by_steps_of_as_many_images() -> None:
    """Values of which few occur make fewer steps; one value makes one; none makes none."""
    found = by_number(np.arange(100.0), "no value")
    assert found.counts == [20, 20, 20, 20, 20]
    assert sum(by_number(np.array([64.0, 64.0, 128.0]), "no value").counts) == 3
    assert by_number(np.array([64.0, 64.0]), "no value").names == ("64 – 64",)
    assert by_number(np.array([np.nan]), "no value").names == ()
