"""Which conditions visitors may filter by."""

from __future__ import annotations

import pytest

from samekind.service.conditions import answerable


@pytest.mark.parametrize(
    "condition",
    [
        "label = 'Bag' AND (split = 'test' OR width>=(64))",
        "label IN('Bag', 'Coat') AND NOT(label LIKE 'B%')",
        "label = 'it''s repeat(id, 9) -- \"' AND lower(id) = 'a'",
        "\"label\" IN ('a') OR `label` = '$'",
        "CASE WHEN(label IS NULL) THEN 1 ELSE 2 END = 1 AND cast(width AS string) = '64'",
    ],
)
def test_comparisons_and_cheap_functions_are_answered(condition: str) -> None:
    """What stands in a text is no call."""
    assert answerable(condition) == condition


@pytest.mark.parametrize(
    "condition",
    [
        "length(repeat(id, 100000000)) > 0",
        "1 = 1) OR (1 = 1",
        "(label = 'Bag'",
        "RPAD (id, 100000000, 'a') = 'a'",
        "\"repeat\"(id, 9) = 'a'",
        "`repeat` (id, 9) = 'a'",
        "repeat/**/(id, 9) = 'a'",
        "repeat -- '\n (id, 9) = 'a'",
        "'a''' = repeat(id, 9)",
        "`it's` = repeat(id, 9) OR id = 'a'",
        "\"it's\" = repeat(id, 9) OR id = 'a'",
        "$$'$$ = repeat(id, 9) OR id = 'a'",
        "id = 'a\\' OR repeat(id, 9) = 'b'",
    ],
)
def test_calls_that_cost_memory_are_refused_however_they_are_written(condition: str) -> None:
    """Nothing hides them."""
    with pytest.raises(ValueError, match=r"function|outside of texts|bracket"):
        answerable(condition)
