"""Pairs of pictures in the HTML report: the hardest false negatives, and duplicates."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from samekind.core.text import counted, visible_percent
from samekind.indexer.audit.audit import NEAR
from samekind.indexer.audit.report import Pair
from samekind.indexer.report.markup import Html, element, single, together

if TYPE_CHECKING:
    from samekind.indexer.audit.report import FalseNegativeReport
    from samekind.indexer.search.opened import OpenedIndex

MOST_PAIRS = 24
MOST_DUPLICATES = 12
_SMALL = 64  # pixels a side up to which a picture is shown with hard edges
_SIGNATURES = ((b"\x89PNG", "image/png"), (b"\xff\xd8", "image/jpeg"))


def hardest(report: FalseNegativeReport, index: OpenedIndex) -> Html | None:
    """The hardest false negatives; without labels the hardest negatives."""
    labelled = report.false_negative_rate is not None
    if not report.k:
        return None
    title = "The hardest false negatives" if labelled else "The hardest negatives"
    a_class = max(2, -(-MOST_PAIRS // max(1, len(report.by_class))))
    pairs = hardest_pairs(report, index, MOST_PAIRS, a_class if labelled else MOST_PAIRS)
    if not pairs:
        none = "None of the pairs here is a false negative." if labelled else "All pairs here are exact copies."
        return together(element("h2", title), element("p", none, class_="soft"))
    same = f"of one class, each image once and at most {a_class} pairs a class" if labelled else "each image once"
    text = f"The most similar pairs {same}; exact copies are among the duplicates. Pairs like these are what training pushes apart."
    pictures = _Pictures(index, [id_ for pair in pairs for id_ in (pair.anchor_id, pair.negative_id)])
    cards = [_pair_card(pair, pictures) for pair in pairs]
    return together(element("h2", title), element("p", text, class_="soft"), element("ul", *cards, class_="cards"))


def hardest_pairs(report: FalseNegativeReport, index: OpenedIndex, most: int, a_class: int) -> list[Pair]:
    """The most similar false pairs, or of all pairs where no label is known; no image twice and no exact copies.

    Args:
        report: the audit.
        index: that it is of.
        most: pairs wanted.
        a_class: most pairs of one class.
    """
    pairs = report.pairs
    content_N = index.rows.numbered("sha256")
    anchor_AK, negative_AK = np.broadcast_arrays(pairs.anchor_A[:, None], pairs.negative_AK)
    wanted_AK = content_N[anchor_AK] != content_N[negative_AK]
    if report.false_negative_rate is not None:
        wanted_AK &= pairs.false_AK == 1
    flat = np.flatnonzero(wanted_AK)
    order = flat[np.argsort(-pairs.similarity_AK.ravel()[flat], kind="stable")]
    labels = pairs.labels or [None] * len(index)
    found: list[Pair] = []
    seen: set[int] = set()
    of_class: dict[str | None, int] = {}
    for a, r in zip(*np.divmod(order, report.k), strict=True):
        if len(found) == most:
            break
        anchor, negative = int(anchor_AK[a, r]), int(negative_AK[a, r])
        if seen & {anchor, negative} or of_class.get(labels[anchor], 0) >= a_class:
            continue
        seen |= {anchor, negative}
        of_class[labels[anchor]] = of_class.get(labels[anchor], 0) + 1
        found.append(pairs.at(int(a))[int(r)])
    return found


def duplicates(report: FalseNegativeReport, index: OpenedIndex) -> Html:
    """Pairs of exact and near copies."""
    title = element("h2", "Duplicates")
    if not report.num_duplicates:
        return together(title, element("p", "No image has an exact or a near copy.", class_="soft"))
    shown = report.duplicates[:MOST_DUPLICATES]
    text = (
        f"{counted(report.num_duplicates, 'pair')}, {len(shown)} shown. An exact copy has the same content. A near copy has a cosine of "
        f"{NEAR} or more: in a space without whitening that only says that the encoder can hardly tell the two apart."
    )
    pictures = _Pictures(index, [pair[side] for pair in shown for side in ("a", "b")])
    cards = [_copies_card(pair, pictures) for pair in shown]
    return together(title, element("p", text, class_="soft"), element("ul", *cards, class_="cards"))


def _pair_card(pair: Pair, pictures: _Pictures) -> Html:
    push = "" if pair.gradient_share is None else f", {visible_percent(pair.gradient_share)} of the anchor's gradient"
    return element(
        "li", pictures.side_by_side((pair.anchor_id, "anchor"), (pair.negative_id, "negative")),
        element("b", pair.anchor_label or "class unknown"), element("small", f"similarity {pair.similarity:.4f}, rank {pair.rank}{push}"),
        class_="card false" if pair.false else "card",
    )  # fmt: skip


def _copies_card(pair: Mapping[str, Any], pictures: _Pictures) -> Html:
    shown = pictures.side_by_side((pair["a"], "first"), (pair["b"], "second"))
    kind = element("b", "exact copy" if pair["kind"] == "exact" else "near copy")
    return element("li", shown, kind, element("small", f"similarity {pair['similarity']:.4f}"), class_="card")


class _Pictures:
    """Thumbnails by id, read at once."""

    def __init__(self, index: OpenedIndex, ids: Sequence[str]) -> None:
        unique = list(dict.fromkeys(ids))
        self._encoded = dict(zip(unique, index.thumbnails(unique), strict=True))

    def side_by_side(self, *named: tuple[str, str]) -> Html:
        """Pictures with their ids; the second word of each says what it is here."""
        return element("div", *(self._one(id_, role) for id_, role in named), class_="pictures")

    def _one(self, id_: str, role: str) -> Html:
        encoded = self._encoded[id_]
        mime = next((mime for signature, mime in _SIGNATURES if encoded.startswith(signature)), "image/webp")
        with Image.open(io.BytesIO(encoded)) as image:
            small = max(image.size) <= _SMALL
        source = f"data:{mime};base64,{base64.b64encode(encoded).decode('ascii')}"
        picture = single("img", src=source, alt=f"{role}: image {id_}", class_="small" if small else None)
        return element("figure", picture, element("figcaption", f"{role} {id_}"))
