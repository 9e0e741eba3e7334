"""Suspected false negatives: which detector suspects them, and what is done with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from samekind.core.errors import InputError
from samekind.training.config.settings import Settings, Values, one_of, setting, within

TREATMENTS = ("none", "eliminate", "attract", "soft", "soft_attract", "attract_likely")
CONFIRMED = ("attract", "drop")
ADAPTED, FROZEN = "adapted", "frozen"
DETECTORS = (
    "threshold", "quantile", "cluster", "posterior", "guide", "relative_margin", "reciprocal", "relation", "combined", "neighbourhood",
    "oracle",
)  # fmt: skip
KNOWING = (
    "guide",
    "relation",
    "combined",
    "neighbourhood",
    "oracle",
)  # know something before the encoder does, and need not wait for it
WITH_PRIOR = ("quantile", "posterior", "relation", "combined")
AUTO: Literal["auto"] = "auto"
ASSUMED_PRIOR = 0.1
"""Share of false negatives where there is nothing to estimate it from: that of ten equal classes."""
_WITH_NEIGHBOURS = ("cluster", "reciprocal", "neighbourhood")


def _asked(of: Values) -> str | None:
    """The detector, if a treatment asks one."""
    return of["detector"] if of["treatment"] != "none" else None


def _auto_or_share(name: str, value: Any) -> None:
    if value != AUTO and not (isinstance(value, int | float) and 1e-4 <= value <= 0.9):
        raise InputError(f"{name} must be auto or lie between 0.0001 and 0.9, got {value!r}")


@dataclass(frozen=True, kw_only=True)
class FalseNegativeSettings(Settings):
    """Detector and treatment of false negatives.

    Attributes:
        treatment: of suspected false negatives, one of `TREATMENTS`.
        detector: which suspects them, one of `DETECTORS`.
        detector_point: score above which the detector flags a pair; `None` takes the detector's own.
        prior: assumed share of false negatives in (0, 1), of `quantile`, `posterior`, `relation` and `combined`; `auto` estimates it from
            what a pretrained backbone says of the images (`training.false_negatives.base_rate`), and takes 0.1 from scratch.
        treatment_start: share of the steps after which treatment starts, in [0, 0.5]. `None` takes 0.25, for before that a young encoder
            knows too little; 0.1 where the detector is one of `KNOWING`.
        confirmed: what is done with negatives that people called the same: pull them in (`attract`) or only not push them (`drop`).
        start_from: where an adapter begins that is trained with pairwise annotations: in the frozen space `adapted` to them, if
            held-out ones gain by it, or in the `frozen` one. `None` takes `adapted`, and nothing where there are none.
        neighbours: of `reciprocal`, k as a share of the training images; of `cluster`, one cluster for as many; of `neighbourhood`, k where
            it finds no groups that would tell it.
        guide: of the detectors `guide` and, if you like, `combined`: an artefact's folder, `timm/NAME` or `open_clip/NAME`.
        guide_weights: checkpoint file of a `timm/` or `open_clip/` guide.
    """

    treatment: str = setting(
        "none", one_of(*TREATMENTS), flag=("NAME", f"Of suspected false negatives: {', '.join(TREATMENTS)}.")
    )
    detector: str = setting(
        "reciprocal",
        one_of(*DETECTORS),
        flag=("NAME", f"Which suspects them: {', '.join(DETECTORS)}."),
        counts=lambda of: _asked(of) is not None,
    )
    detector_point: float | None = setting(
        None,
        within(-10.0, 10.0),
        flag=("SCORE", "Pairs above it are suspected."),
        counts=lambda of: _asked(of) not in (None, "oracle"),
    )
    prior: float | Literal["auto"] = setting(
        AUTO,
        _auto_or_share,
        flag=("auto|SHARE", f"Of false negatives, assumed by {', '.join(WITH_PRIOR)}."),
        counts=lambda of: _asked(of) in WITH_PRIOR,
    )
    treatment_start: float | None = setting(
        None,
        within(0.0, 0.5),
        flag=("SHARE", "Of the steps before treatment, at most 0.5."),
        counts=lambda of: _asked(of) is not None,
    )
    confirmed: str = setting(
        "attract",
        one_of(*CONFIRMED),
        flag=("NAME", f"What becomes of pairs that people called the same: {' or '.join(CONFIRMED)}."),
    )
    start_from: str | None = setting(
        None,
        one_of(ADAPTED, FROZEN),
        flag=("SPACE", "Where an adapter with verdicts begins: adapted to them (the default), or frozen."),
        counts=lambda of: of["start_from"] is not None,  # so that runs without answers keep their names
    )
    neighbours: float = setting(
        0.01,
        within(1e-5, 0.5),
        flag=("SHARE", "Of the images: reciprocal's k; cluster makes one over it clusters."),
        counts=lambda of: _asked(of) in _WITH_NEIGHBOURS,
    )
    guide: str = setting("", flag=("NAME", "Of guide and combined: an ARTEFACT, timm/NAME or open_clip/NAME."))
    guide_weights: str = setting("", flag=("FILE", "Checkpoint of a timm/ or open_clip/ guide."))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.treatment_start is None:
            self._settle("treatment_start", 0.1 if self.detector in KNOWING else 0.25)
        if self.guide and self.asked_detector not in ("guide", "combined"):
            raise InputError(
                f"nothing asks the guide {self.guide}",
                hint="add --detector guide or combined and a --treatment, or leave out --guide",
            )
        if self.asked_detector == "guide" and not self.guide:
            raise InputError(
                "the detector guide needs a second encoder",
                hint="--guide ARTEFACT, or --guide open_clip/ViT-B-32 --guide-weights FILE with a checkpoint on this disk",
            )

    @property
    def asked_detector(self) -> str | None:
        """The detector, if a treatment asks one."""
        return self.detector if self.treatment != "none" else None

    @property
    def estimates_prior(self) -> bool:
        """True if the run's detector assumes a share of false negatives that is to be estimated."""
        return self.prior == AUTO and self.asked_detector in WITH_PRIOR
