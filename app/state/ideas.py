"""What the page *Ideas* works out of an index, once for all sessions; whatever takes longer than a moment is a job."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from samekind.app.jobs.job import Job, Progress
from samekind.app.state.library import Library

if TYPE_CHECKING:
    from samekind import ideas

RATIOS = (1, 2, 4, 8, 16, 32, 64)
"""ν of the chart of errors."""
FITTED = 500  # data points of a fit: enough for a curve of three numbers
GRID_SIDE = 64  # pixels of an image that is cut into 7 × 7 patches
COMPARED = 64  # images whose patches are compared
STEPS = 5
_JOBS_KEPT = 64
_VIEW_SIDE, _VIEWS = 96, 5


@dataclass(frozen=True)
class Positive:
    """The positive of an anchor.

    Attributes:
        similarity: its cosine with the anchor.
        picture: PNG of the view, or the neighbour's thumbnail.
        neighbour: place in the sample of the image that serves as the positive; `None` if it is an augmented view.
    """

    similarity: float
    picture: bytes
    neighbour: int | None


@dataclass(frozen=True)
class PatchHits:
    """How often pixels alone pick the right patch.

    Attributes:
        images: that were compared; those without a picture are left out.
        share_K: share of hits at the steps k = 1, 2 …; empty for fewer than two images.
    """

    images: int
    share_K: tuple[float, ...]


class Ideas:
    """Figures of one index.

    Args:
        library: the opened index.

    Attributes:
        has_fitted: true once a curve has been fitted: the next one takes a moment only.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._starting = threading.Lock()
        self._jobs: dict[Hashable, Job[Any]] = {}
        self.has_fitted = False

    @property
    def sample(self) -> Job[ideas.CorpusSample]:
        """The drawn images, with their vectors."""
        from samekind import ideas

        return self._job("sample", lambda progress: ideas.draw(self._library.index))

    def errors(self, noise: ideas.Noise) -> Job[list[float]]:
        """Error of NCE's estimate at each of `RATIOS`, on the sample."""
        from samekind import ideas

        return self._job(
            ("errors", noise), lambda progress: ideas.errors_by_ratio(self.data, noise, RATIOS, progress=progress)
        )

    @cached_property
    def data(self) -> NDArray[np.float64]:
        """Places of the drawn images on the first principal component, standardised; the sample must be there."""
        from samekind import ideas

        return ideas.standardised(self._drawn.first_component_M[:FITTED])

    @cached_property
    def curve(self) -> Callable[[ideas.Noise, int], ideas.BellCurve]:
        """One fit of NCE to `data`, the last ones kept."""
        from samekind import ideas

        @lru_cache(maxsize=64)
        def fitted(noise: ideas.Noise, ratio: int) -> ideas.BellCurve:
            found = ideas.fit_bell(self.data, noise, ratio)
            self.has_fitted = True
            return found

        return fitted

    def positive(self, place: int) -> Job[Positive]:
        """The positive of the sample's image at `place`: an augmented view, or the nearest other image where there can be none."""
        return self._job(("positive", place), lambda progress: self._positive(place))

    def views(self, place: int, seed: int) -> Job[dict[str, list[NDArray[np.uint8]]]]:
        """Views of the sample's image at `place` under every policy; none without a picture."""
        return self._job(("views", place, seed), lambda progress: self._views(self.id(place), seed, _VIEWS))

    def views_of(self, id_: str, seed: int, count: int) -> Job[dict[str, list[NDArray[np.uint8]]]]:
        """As `views`, that many, of any image of the corpus."""
        return self._job(("views of", id_, seed, count), lambda progress: self._views(id_, seed, count))

    @property
    def hits(self) -> Job[PatchHits]:
        """How often pixels alone pick the right patch, by step."""
        return self._job("hits", self._hits)

    @cached_property
    def batches(self) -> Callable[[tuple[int, ...]], list[ideas.BatchFigure]]:
        """The hardest negative by batch size, in the sample."""
        from samekind import ideas

        return lru_cache(maxsize=4)(lambda batches: ideas.hardest_by_batch(self._drawn, batches))

    @cached_property
    def losses(self) -> Callable[[tuple[int, ...], float, float], list[ideas.LossFigure]]:
        """Expected losses by the number of negatives, in the sample."""
        from samekind import ideas

        return lru_cache(maxsize=64)(
            lambda counts, temperature, prior: ideas.losses_by_batch(
                self._drawn, counts, temperature=temperature, tau_plus=prior
            )
        )

    @cached_property
    def ratio(self) -> Callable[[float], ideas.SimilarityRatio]:
        """Density ratios over the cosine at a temperature, in the sample."""
        from samekind import ideas

        return lru_cache(maxsize=32)(lambda temperature: ideas.ratio_by_similarity(self._drawn, temperature))

    def id(self, place: int) -> str:
        """Id of the sample's image at `place`."""
        return self._library.index.ids[int(self._drawn.row_M[place])]

    def name(self, place: int) -> str:
        """Class, if known, and id of the sample's image at `place`."""
        label = self._library.label(self.id(place))
        return self.id(place) if label is None else f"{label} · {self.id(place)}"

    def image(self, place: int) -> Image.Image | None:
        """The sample's image at `place`; `None` without a picture."""
        return _opened(self._library.picture(self.id(place)))

    def thumbnails(self, places: list[int]) -> list[bytes]:
        """Thumbnails of the sample's images, one read for all."""
        return self._library.index.thumbnails([self.id(place) for place in places])

    @property
    def _drawn(self) -> ideas.CorpusSample:
        return self.sample.wait(lambda share: None)

    @property
    def _corpus(self) -> str:
        """Name of the corpus, which may have augmentation policies of its own."""
        return str((self._library.index.meta.get("corpus") or {}).get("name", ""))

    def _positive(self, place: int) -> Positive:
        from samekind import SamekindError, ideas

        sample, image = self._drawn, self.image(place)
        if image is not None:
            try:
                side = self._library.index.encoder.spec.image_size
                view = ideas.augmented_views(image, side, corpus=self._corpus, count=1)["heavy"][0]
                vector = self._library.embedded(view[..., 0] if view.shape[2] == 1 else view)
                return Positive(float(vector @ sample.vector_MD[place]), _png(view), None)
            except SamekindError:  # vectors of an encoder that is not here
                pass
        similarity = sample.similarity_MM[place].copy()
        similarity[place] = -np.inf
        nearest = int(np.argmax(similarity))
        return Positive(float(similarity[nearest]), self.thumbnails([nearest])[0], nearest)

    def _views(self, id_: str, seed: int, count: int) -> dict[str, list[NDArray[np.uint8]]]:
        from samekind import ideas

        image = _opened(self._library.picture(id_))
        if image is None:
            return {}
        return dict(ideas.augmented_views(image, _VIEW_SIDE, corpus=self._corpus, count=count, seed=seed))

    def _hits(self, progress: Progress) -> PatchHits:
        from samekind import ideas

        pictures = map(_opened, self.thumbnails(list(range(min(COMPARED, len(self._drawn))))))
        grey = [np.asarray(p.convert("L").resize((GRID_SIDE,) * 2), np.float64) for p in pictures if p is not None]
        if len(grey) < 2:
            return PatchHits(len(grey), ())
        grid, found = ideas.PatchGrid.of(GRID_SIDE), list[float]()
        with progress.task("", STEPS) as task:
            for step in range(1, STEPS + 1):
                found.append(ideas.patch_hits(np.stack(grey), grid, step))
                task.advance()
        return PatchHits(len(grey), tuple(found))

    def _job(self, name: Hashable, work: Callable[[Progress], Any]) -> Job[Any]:
        with self._starting:
            if name not in self._jobs or self._jobs[name].failed:
                while len(self._jobs) >= _JOBS_KEPT:
                    del self._jobs[next(each for each in self._jobs if each != "sample")]
                self._jobs[name] = Job(work, "samekind-ideas")
            return self._jobs[name]


def _opened(encoded: bytes) -> Image.Image | None:
    """The picture; `None` for one of a single colour, which an index of vectors has in place of pictures."""
    image = Image.open(io.BytesIO(encoded))
    extrema = np.array(image.convert("RGB").getextrema())
    return None if (extrema[:, 0] == extrema[:, 1]).all() else image


def _png(pixels: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(out, "PNG")
    return out.getvalue()
