"""Names of classes and ids: one form of Unicode, and a word where two classes differ by nothing that a person would see."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence

from samekind.core.text import counted

_LISTED = 3


def composed(text: str) -> str:
    """The text in NFC: `café` is one word however its accent was typed or stored."""
    return unicodedata.normalize("NFC", text)


def composed_ids(ids: Sequence[str]) -> list[str]:
    """Ids in NFC; those that would meet another one stay as they are."""
    wanted = [composed(id_) for id_ in ids]
    times = Counter(wanted)
    return [id_ if times[new] > 1 else new for id_, new in zip(ids, wanted, strict=True)]


def clashes(labels: Sequence[str | None] | None) -> list[str]:
    """A line on classes that differ only by case, blanks or a compatible spelling; empty if there are none. They stay different classes."""
    counts = Counter(label for label in labels or () if label is not None)
    alike: dict[str, list[str]] = defaultdict(list)
    for label in sorted(counts):
        alike[" ".join(unicodedata.normalize("NFKC", label).casefold().split())].append(label)
    groups = [names for names in alike.values() if len(names) > 1]
    if not groups:
        return []
    told = "; ".join(
        " and ".join(f"{name!r} ({counted(counts[name], 'image')})" for name in names) for names in groups[:_LISTED]
    )
    more = f"; and {len(groups) - _LISTED} more" if len(groups) > _LISTED else ""
    return [f"classes that differ only by case or blanks, and are counted as different: {told}{more}"]
