"""Acquisition of screens: which anchor is asked about next, and beside which images.

The anchor is drawn among the images that the fewest answers are about, at first none, by how much of the corpus it would stand for
(`anchors`). Its images are spread over its nearest ones, each the farthest from those chosen before: the very nearest
would be alike, and say the same thing ten times. Over how many follows from the answers: where most were *same*, classes reach further
than screens do, and where few were, not as far. Up to two places go to groups that answers have formed, each shown by one image: one click
joins two groups. Neither labels nor an audit are needed, so the first screen is there at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import InputError
from samekind.indexer.labeling.anchors import Anchors
from samekind.indexer.labeling.constraint_closure import ConstraintClosure
from samekind.indexer.labeling.contents import Contents
from samekind.indexer.labeling.people.current_answers import current_answers
from samekind.indexer.labeling.screens import Screen, ScreenImage
from samekind.indexer.labeling.verdicts import DIFFERENT, SAME, Verdict
from samekind.training.false_negatives.links import Pair

if TYPE_CHECKING:
    from samekind.indexer.search.opened import OpenedIndex

# C contents, M images near the anchor, D embedding

IMAGES = 10
"""Images beside the anchor. Smaller screens teach more per answer, and about as much per second (docs/decisions/0033)."""
MOST_BRIDGES = 2
"""Images on a screen that stand for groups."""
LEAST_DEPTH, FIRST_DEPTH, MOST_DEPTH = 20, 40, 600
"""Over how many nearest images those of a screen are spread: at least, at first, at most; never over fewer than its size."""
WIDER_ABOVE, NARROWER_BELOW, STEP = 0.5, 0.3, 1.5
"""Shares of *same* on a screen beyond which the next ones are spread over more or fewer images, and by what factor."""


def acquire_screens(
    index: OpenedIndex, count: int = 10, size: int = IMAGES, *, nearest: int | None = None, seed: int = 0
) -> list[Screen]:
    """Screens to annotate, given the verdicts that the artefact holds by now.

    Add the answers with `VerdictTable(index.path).add(screen.verdicts(same=[…]))`.

    Args:
        index: the opened index.
        count: how many at most; fewer if there is nothing else to ask about.
        size: images beside the anchor, at most.
        nearest: the images are spread over that many of the anchor's nearest, of those that are not answered yet; at least `size`. If
            left out, 40 at first (or `size`), and what the answers to screens suggest later (`screen_depth`).
        seed: decides which anchors are drawn.

    Raises:
        InputError: count, size or nearest is none.
    """
    current = current_answers(index.path)
    return ScreenPool(index).acquire(current, count, size, nearest=nearest, seed=seed)


class ScreenPool:
    """The images of an index that screens can be made of: those of the split `train`, or all where there is none; each content once.

    A pool is made once an index and asked as often as answers come in.

    Args:
        index: the opened index.
        among: content hashes; only of these are screens made then, of whatever split they are.
    """

    def __init__(self, index: OpenedIndex, among: Collection[str] | None = None) -> None:
        self._index = index
        self._contents = Contents(index)
        self._is_asked_C = np.zeros(len(self._contents), dtype=bool)
        if among is None:
            self._is_asked_C[self._contents.content_N[self._contents.is_trained_N]] = True
        else:
            number = self._contents.number
            self._is_asked_C[[number[sha256] for sha256 in among if sha256 in number]] = True

    def acquire(
        self,
        current: Mapping[Pair, Verdict],
        count: int = 10,
        size: int = IMAGES,
        *,
        nearest: int | None = None,
        seed: int = 0,
        leave_out: Collection[str] = (),
    ) -> list[Screen]:
        """See the function `acquire_screens`.

        The images of one screen count as answered for the next one of the same list.

        Args:
            current: the present verdict on each pair.
            count: how many at most.
            size: images beside the anchor, at most.
            nearest: number of nearest images that they are spread over; `screen_depth` if left out.
            seed: decides which anchors are drawn.
            leave_out: contents that are no anchors.
        """
        _check("count", count)
        _check("size", size)
        nearest = screen_depth(current.values(), size) if nearest is None else nearest
        _check("nearest", nearest, size)
        closure, asked = ConstraintClosure(current), set[Pair]()
        groups = self._groups(current, closure)
        num_answers_C = self._num_answers(current)
        grouped = np.concatenate([np.empty(0, dtype=np.int64), *groups.values()])
        anchors = Anchors(self._vectors, np.flatnonzero(self._is_asked_C), grouped, seed)
        is_open_C = self._is_asked_C.copy()
        is_open_C[[self._contents.number[each] for each in leave_out if each in self._contents.number]] = False
        screens: list[Screen] = []
        while len(screens) < count and is_open_C.any():
            anchor = anchors.draw(is_open_C, num_answers_C)
            bridge_B = self._bridges(anchor, min(MOST_BRIDGES, size), groups, closure, asked)
            near_M = self._near(anchor, nearest, closure, asked, bridge_B)
            if not len(near_M) + len(bridge_B):
                is_open_C[anchor] = False  # all about it is answered
                continue
            spread_M = near_M[self._spread(anchor, near_M, size - len(bridge_B))]
            screen = self._screen(anchor, np.concatenate([bridge_B, spread_M]))
            screens.append(screen)
            asked.update(screen.pairs)
            for pair in screen.pairs:
                num_answers_C[[self._contents.number[sha256] for sha256 in pair]] += 1
        return screens

    def about(self, anchor: str, images: Collection[str]) -> Screen | None:
        """Any contents as a screen; those that the index does not hold are left out, `None` if the anchor or all images are."""
        number = self._contents.number
        held = [number[sha256] for sha256 in dict.fromkeys(images) if sha256 in number and sha256 != anchor]
        if anchor not in number or not held:
            return None
        return self._screen(number[anchor], np.array(held))

    def holds(self, pair: Pair) -> bool:
        """True if the index has both contents."""
        return self._contents.holds(pair)

    def num_unseen(self, current: Mapping[Pair, Verdict]) -> int:
        """Number of images that no answer is about; exact copies are one."""
        return int((self._is_asked_C & (self._num_answers(current) == 0)).sum())

    def _num_answers(self, current: Mapping[Pair, Verdict]) -> NDArray[np.int64]:
        """`(C,)` number of answers about each content."""
        number = self._contents.number
        named = [number[sha256] for pair in current for sha256 in pair if sha256 in number]
        return np.bincount(np.array(named, dtype=np.int64), minlength=len(self._contents))

    def _groups(self, current: Mapping[Pair, Verdict], closure: ConstraintClosure) -> dict[str, NDArray[np.int64]]:
        """The contents of each group of two or more that answers join, by its name."""
        members: dict[str, list[int]] = {}
        for sha256 in sorted(closure.images & self._contents.number.keys()):
            content = self._contents.number[sha256]
            if self._is_asked_C[content]:
                members.setdefault(closure.group_of(sha256), []).append(content)
        return {name: np.array(found) for name, found in members.items() if len(found) > 1}

    def _bridges(
        self,
        anchor: int,
        count: int,
        groups: Mapping[str, NDArray[np.int64]],
        closure: ConstraintClosure,
        asked: set[Pair],
    ) -> NDArray[np.int64]:
        """For the groups whose mean is most similar to the mean of the anchor's own: the image most similar to that mean, if it is open."""
        sha256_C = self._contents.sha256_C
        own = closure.group_of(sha256_C[anchor])
        mean_D = self._vectors(groups.get(own, np.array([anchor]))).mean(axis=0)
        found: list[tuple[float, int]] = []
        for name, content_R in groups.items():
            vector_RD = self._vectors(content_R)
            content = int(content_R[(vector_RD @ mean_D).argmax()])
            first, second = sorted((anchor, content))
            pair = sha256_C[first], sha256_C[second]
            if name != own and pair not in closure and pair not in asked:
                group_D = vector_RD.mean(axis=0)
                found.append((float(group_D @ mean_D / np.linalg.norm(group_D)), content))
        return np.array([content for _, content in sorted(found, reverse=True)[:count]], dtype=np.int64)

    def _near(
        self, anchor: int, nearest: int, closure: ConstraintClosure, asked: set[Pair], beside: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """The `nearest` contents most similar to an anchor that its pair with is open, most similar first.

        Of images that answers join, only the most similar one: what is said of it holds for the others; none of groups that stand beside.
        """
        vector_1D = self._index.vectors(self._contents.row_C[[anchor]])
        width, total = 2 * nearest, len(self._index)
        while True:
            ((_, row_K),) = self._index.vector_index.search(vector_1D, width)
            found = self._open(anchor, row_K, closure, asked, beside)
            if len(found) >= nearest or width >= total:
                return np.array(found[:nearest], dtype=np.int64)
            width *= 4

    def _open(
        self,
        anchor: int,
        row_K: NDArray[np.int64],
        closure: ConstraintClosure,
        asked: set[Pair],
        beside: NDArray[np.int64],
    ) -> list[int]:
        sha256_C = self._contents.sha256_C
        met, found = {closure.group_of(sha256_C[content]) for content in (anchor, *beside.tolist())}, list[int]()
        for content in self._contents.content_N[row_K].tolist():
            group = closure.group_of(sha256_C[content])
            first, second = sorted((anchor, content))  # numbers are in the order of hashes
            pair = sha256_C[first], sha256_C[second]
            if not self._is_asked_C[content] or group in met or pair in closure or pair in asked:
                continue
            met.add(group)
            found.append(content)
        return found

    def _spread(self, anchor: int, near_M: NDArray[np.int64], size: int) -> list[int]:
        """Places of up to `size` images: ever the one that is farthest from the anchor and those before it."""
        near_MD = self._vectors(near_M)
        closest_M = near_MD @ self._vectors(np.array([anchor]))[0]
        chosen: list[int] = []
        while len(chosen) < min(size, len(near_M)):
            place = int(closest_M.argmin())
            chosen.append(place)
            closest_M = np.maximum(closest_M, near_MD @ near_MD[place])
            closest_M[chosen] = np.inf
        return chosen

    def _vectors(self, contents: NDArray[np.int64]) -> NDArray[np.float64]:
        return self._index.vectors(self._contents.row_C[contents]).astype(np.float64)

    def _screen(self, anchor: int, contents: NDArray[np.int64]) -> Screen:
        """A screen of contents, most similar first."""
        similarity_M = (self._vectors(contents) @ self._vectors(np.array([anchor]))[0]).clip(-1, 1)
        order = np.lexsort((contents, -similarity_M))
        images = (self._image(int(contents[m]), float(similarity_M[m])) for m in order)
        return Screen(self._image(anchor, 1.0), tuple(images))

    def _image(self, content: int, similarity: float) -> ScreenImage:
        row, labels = int(self._contents.row_C[content]), self._index.labels
        label = None if labels is None else labels[row]
        return ScreenImage(self._index.ids[row], self._contents.sha256_C[content], similarity, label)


def screen_depth(current: Iterable[Verdict], size: int = IMAGES) -> int:
    """Over how many nearest images the next screen is spread: more after screens that were mostly *same*, fewer after others.

    So about as many answers are *same* as *different*, whatever the classes' sizes: an answer that was sure beforehand teaches nothing.

    Args:
        current: the present verdicts; those that were given on screens count, in the order of their times.
        size: images beside the anchor.
    """
    answers: dict[str, list[bool]] = {}
    for verdict in sorted((each for each in current if each.screen), key=lambda each: each.moment):
        if verdict.verdict in (SAME, DIFFERENT):
            answers.setdefault(verdict.screen, []).append(verdict.verdict == SAME)
    depth = float(FIRST_DEPTH)
    for same in answers.values():
        share = sum(same) / len(same)
        depth *= STEP if share > WIDER_ABOVE else 1 / STEP if share < NARROWER_BELOW else 1
        depth = min(max(depth, LEAST_DEPTH), MOST_DEPTH)
    return max(round(depth), size)


def _check(name: str, value: Any, least: int = 1) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InputError(f"{name} must be a whole number from {least} on, got {value!r}")
