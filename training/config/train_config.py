"""What a training run is made of: one frozen dataclass, checked when it is made.

Fields that change the result are part of a run's identity (`TrainConfig.identity`): a folder that holds another identity is refused.
`workers` and `device` are not: views are the same whatever the worker count.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from samekind.core.errors import InputError
from samekind.data.types.label_levels import COARSE, label_level
from samekind.data.views.policies import STRENGTHS

SMALL, PATCHES = "resnet-small", "patches-small"
OBJECTIVES = ("nce", "info_nce", "cpc", "decoupled", "debiased", "hard", "mixed", "supervised")
USING_LABELS = ("supervised",)  # and the detector `oracle`: they measure what labels would buy
TREATMENTS = ("none", "eliminate", "attract", "soft", "soft_attract")
DETECTORS = (
    "threshold",
    "quantile",
    "cluster",
    "posterior",
    "guide",
    "relative_margin",
    "reciprocal",
    "relation",
    "combined",
    "oracle",
)
KNOWING = (
    "guide",
    "relation",
    "combined",
    "oracle",
)  # detectors that need not wait for the encoder: they know something before it does
NCE_FORMS = ("partition", "sigmoid")
CPC_CONTEXTS = ("masked_conv", "gru")
DEBIASING = ("debiased", "hard")
CONFIRMED = ("attract", "drop")
PRECISIONS = ("auto", "float32", "bfloat16")
_NOT_IDENTITY = frozenset({"workers", "device"})


@dataclass(frozen=True)
class TrainConfig:
    """Settings of one run.

    Attributes:
        preset: name of the preset that these settings came from.
        objective: one of `OBJECTIVES`.
        temperature: τ > 0, divides cosine similarities.
        beta: hardness β ≥ 0 of `hard`; 0 weighs all negatives alike.
        beta_end: hardness at the last step, reached in a straight line; `None` keeps β.
        tau_plus: class prior τ⁺ in [0, 1) of `debiased` and `hard`. `None` takes 0.1, but 0 where a treatment corrects the same bias.
        nce_form: of `nce`: `partition` learns log Z, `sigmoid` learns scale and bias.
        cpc_context: of `cpc`, one of `CPC_CONTEXTS`.
        treatment: of suspected false negatives, one of `TREATMENTS`.
        detector: which suspects them, one of `DETECTORS`.
        detector_point: score above which the detector flags a pair; `None` takes the detector's own.
        prior: assumed share of false negatives in (0, 1), of `quantile`, `posterior`, `relation` and `combined`.
        treatment_start: share of the steps after which treatment starts, in [0, 0.5]. `None` takes 0.25, for before that a young encoder
            knows too little; 0.1 where the detector is one of `KNOWING`.
        confirmed: what is done with negatives that people called the same kind: pull them in (`attract`) or only not push them (`drop`).
        neighbours: of `reciprocal`, k as a share of the training images; of `cluster`, one cluster for as many.
        guide: of the detectors `guide` and, if you like, `combined`: an artefact's folder, `timm/NAME` or `open_clip/NAME`.
        guide_weights: checkpoint file of a `timm/` or `open_clip/` guide.
        epochs: passes over the training images, ≥ 1.
        steps: stop after this many steps, whatever `epochs` says; `None` for whole epochs.
        batch_size: images a step (two views each), ≥ 2.
        effective_batch: images a step that the objective sees together, in the memory of `batch_size`; `None` for `batch_size`. Norms see
            `batch_size` of them at once.
        learning_rate: AdamW's, at the peak.
        weight_decay: AdamW's, ≥ 0; not applied to biases and norms.
        warmup: share of all steps in which the learning rate rises, in [0, 1).
        backbone: `resnet-small`, `timm/NAME[@CHECKPOINT]` or `open_clip/NAME[@CHECKPOINT]`.
        width: channels of the first stage of `resnet-small`.
        stem_stride: 1, 2 or 4; 0 chooses by image size.
        pool: `resnet-small` averages its last map to `pool × pool` cells, which are its feature.
        whitening: exponent in [0, 1] of the label-free whitening fitted to the features after training; 0 leaves it out.
        embedding_dim: directions that the whitening keeps at most (fewer if there are few images), 0 for no limit. Without whitening
            the feature's own dimension stays.
        projector_hidden: width of the projector's hidden layer.
        projector_dim: dimension of the projection that the objective sees.
        queue_size: keys of a MoCo-style queue; 0 contrasts within the batch.
        key_momentum: momentum m in [0, 1) of the key encoder that fills the queue.
        image_size: pixels a side; `None` takes the corpus' own (at most 64).
        strength: of the views, one of `samekind.data.views.policies.STRENGTHS`; each corpus has its own policy for it.
        limit: train on at most this many images (seeded choice); `None` takes all.
        hold_out: training images kept away for the accuracy per epoch; `None` takes a tenth, at most 5,000.
        label_level: of the labels that false negatives are counted by: `coarse`, `fine` or a number of folders
            (`data.types.label_levels`). Nothing else reads it: accuracy, `supervised` and `oracle` go by the corpus' own labels.
        seed: of weights, order, views and hold-out.
        precision: `auto` takes bfloat16 where the hardware multiplies it faster (CUDA, AMX, AMD's AVX512-BF16), otherwise float32.
        workers: processes that make views; `None` chooses by cores.
        device: `auto`, `cpu`, `cuda` or `mps`.
    """

    preset: str = "small"
    objective: str = "hard"
    temperature: float = 0.2
    beta: float = 1.0
    beta_end: float | None = None
    tau_plus: float | None = None
    nce_form: str = "partition"
    cpc_context: str = "masked_conv"
    treatment: str = "none"
    detector: str = "reciprocal"
    detector_point: float | None = None
    prior: float = 0.1
    treatment_start: float | None = None
    confirmed: str = "attract"
    neighbours: float = 0.01
    guide: str = ""
    guide_weights: str = ""
    epochs: int = 4
    steps: int | None = None
    batch_size: int = 256
    effective_batch: int | None = None
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    warmup: float = 0.1
    backbone: str = "resnet-small"
    width: int = 32
    stem_stride: int = 0
    pool: int = 4
    whitening: float = 0.5
    embedding_dim: int = 256
    projector_hidden: int = 512
    projector_dim: int = 128
    queue_size: int = 0
    key_momentum: float = 0.99
    image_size: int | None = None
    strength: str = "heavy"
    limit: int | None = None
    hold_out: int | None = None
    label_level: str = COARSE
    seed: int = 0
    precision: str = "auto"
    workers: int | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        _one_of("objective", self.objective, OBJECTIVES)
        if self.tau_plus is None:
            object.__setattr__(self, "tau_plus", 0.0 if self.treatment != "none" else 0.1)
        if self.treatment_start is None:
            object.__setattr__(self, "treatment_start", 0.1 if self.detector in KNOWING else 0.25)
        _one_of("treatment", self.treatment, TREATMENTS)
        _one_of("detector", self.detector, DETECTORS)
        _one_of("confirmed", self.confirmed, CONFIRMED)
        object.__setattr__(self, "label_level", label_level(self.label_level))
        _one_of("nce_form", self.nce_form, NCE_FORMS)
        _one_of("cpc_context", self.cpc_context, CPC_CONTEXTS)
        _one_of("precision", self.precision, PRECISIONS)
        _one_of("strength", self.strength, STRENGTHS)
        _one_of("device", self.device, ("auto", "cpu", "cuda", "mps"))
        _one_of("stem_stride", self.stem_stride, (0, 1, 2, 4))
        for name, low in (
            ("epochs", 1),
            ("batch_size", 2),
            ("width", 1),
            ("pool", 1),
            ("projector_hidden", 1),
            ("projector_dim", 1),
        ):
            _at_least(name, getattr(self, name), low)
        for name, low in (
            ("image_size", 8),
            ("limit", 2),
            ("workers", 0),
            ("steps", 1),
            ("hold_out", 0),
            ("effective_batch", 2),
        ):
            if getattr(self, name) is not None:
                _at_least(name, getattr(self, name), low)
        for name in ("queue_size", "seed", "embedding_dim"):
            _at_least(name, getattr(self, name), 0)
        _within("temperature", self.temperature, 1e-3, 100.0)
        _within("beta", self.beta, 0.0, 100.0)
        if self.beta_end is not None:
            _within("beta_end", self.beta_end, 0.0, 100.0)
        _within("tau_plus", self.tau_plus, 0.0, 0.99)
        _within("prior", self.prior, 1e-4, 0.9)
        _within("treatment_start", self.treatment_start, 0.0, 0.5)
        _within("neighbours", self.neighbours, 1e-5, 0.5)
        if self.detector_point is not None:
            _within("detector_point", self.detector_point, -10.0, 10.0)
        self._check_combination()
        _within("learning_rate", self.learning_rate, 1e-8, 10.0)
        _within("weight_decay", self.weight_decay, 0.0, 10.0)
        _within("warmup", self.warmup, 0.0, 0.9)
        _within("whitening", self.whitening, 0.0, 1.0)
        _within("key_momentum", self.key_momentum, 0.0, 0.9999)
        if self.queue_size and self.queue_size < self.images_a_step:
            raise InputError(
                f"queue_size is {self.queue_size}, smaller than a step's {self.images_a_step} images",
                hint="take a multiple of the batch size, or 0 for no queue",
            )

    def _check_combination(self) -> None:
        """Refuses what does not go together, and settles what follows from the objective."""
        if self.objective in ("cpc", "supervised") and self.treatment != "none":
            raise InputError(
                f"{self.objective} takes no treatment of false negatives",
                hint="its negatives are patches, not images"
                if self.objective == "cpc"
                else "it knows the labels already",
            )
        if self.effective_batch is not None and self.effective_batch < self.batch_size:
            raise InputError(
                f"effective_batch is {self.effective_batch}, smaller than batch_size {self.batch_size}",
                hint="it is worked through in pieces of batch_size; lower that, or leave it out",
            )
        if self.objective == "cpc":
            if self.effective_batch:
                raise InputError(
                    "cpc draws its negatives and has no use for a large batch", hint="leave out --effective-batch"
                )
            if self.backbone not in (SMALL, PATCHES):
                raise InputError(f"cpc needs the backbone {PATCHES}, not {self.backbone}", hint="leave out --backbone")
            if self.queue_size:
                raise InputError("cpc contrasts patches and has no use for a queue", hint="leave out --queue-size")
            object.__setattr__(self, "backbone", PATCHES)
        asked = self.treatment != "none" and self.detector in ("guide", "combined")
        guided = asked and self.detector == "guide"
        if self.guide and not asked:
            raise InputError(
                f"nothing asks the guide {self.guide}",
                hint="add --detector guide or combined and a --treatment, or leave out --guide",
            )
        if self.effective_batch and self.treatment != "none" and self.detector == "quantile":
            raise InputError(
                "the detector quantile learns from whole batches",
                hint="take another detector, or leave out --effective-batch",
            )
        if guided and not self.guide:
            raise InputError(
                "the detector guide needs a second encoder",
                hint="--guide ARTEFACT, or --guide open_clip/ViT-B-32 --guide-weights FILE with a checkpoint on this disk",
            )

    @property
    def images_a_step(self) -> int:
        """Images that one step contrasts."""
        return self.effective_batch or self.batch_size

    @property
    def asked_detector(self) -> str | None:
        """The detector, if a treatment asks one."""
        return self.detector if self.treatment != "none" else None

    @property
    def method(self) -> str:
        """Objective and, where false negatives are treated, treatment and detector: `hard + soft + reciprocal`."""
        parts = [self.objective] if self.asked_detector is None else [self.objective, self.treatment, self.detector]
        return " + ".join(parts)

    @property
    def uses_labels(self) -> bool:
        """Whether this run is an oracle: it shows what labels would buy, and is no method."""
        return self.objective in USING_LABELS or (self.treatment != "none" and self.detector == "oracle")

    def to_dict(self) -> dict[str, Any]:
        """All fields by name, ready for JSON."""
        return asdict(self)

    @property
    def identity(self) -> dict[str, Any]:
        """The fields that change the result."""
        return settings_that_count(asdict(self))

    @classmethod
    def field_names(cls) -> tuple[str, ...]:
        """Names of all settings."""
        return tuple(f.name for f in fields(cls))


def check_use_of_answers(config: TrainConfig, *, given: bool) -> None:
    """Refuses answers that nothing would read, and settings about answers where there are none.

    Args:
        config: the settings.
        given: whether there are answers (`--verdicts`).

    Raises:
        InputError: one of both.
    """
    if given and config.objective in ("cpc", "supervised"):
        raise InputError(
            f"{config.objective} has no use for verdicts",
            hint="its negatives are patches, not images"
            if config.objective == "cpc"
            else "it knows the labels already",
        )
    if not given and config.confirmed != TrainConfig.confirmed:
        raise InputError(
            f"nothing asks what becomes of confirmed pairs ({config.confirmed}): there are no verdicts",
            hint="add --verdicts ARTEFACT, or leave out --confirmed",
        )


def settings_that_count(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Leaves out what changes no result: the machine's own, and what nothing in this combination reads.

    So a flag without effect makes no other run, and a new default of a detector leaves runs without one alone.

    Args:
        settings: fields of `TrainConfig` by name, of an older release perhaps; what is missing has its default.
    """
    of = {**{f.name: f.default for f in fields(TrainConfig)}, **settings}
    objective, detector = of["objective"], of["detector"] if of["treatment"] != "none" else None
    read = {
        "beta": objective == "hard",
        "beta_end": objective == "hard",
        "tau_plus": objective in DEBIASING,
        "nce_form": objective == "nce",
        "cpc_context": objective == "cpc",
        "detector": detector is not None,
        "treatment_start": detector is not None,
        "detector_point": detector not in (None, "oracle"),
        "prior": detector in ("quantile", "posterior", "relation", "combined"),
        "neighbours": detector in ("cluster", "reciprocal"),
        "key_momentum": of["queue_size"] > 0,
        "label_level": of["label_level"]
        != COARSE,  # left out at its default, so that what an older release began keeps its name
    }
    return {name: value for name, value in settings.items() if name not in _NOT_IDENTITY and read.get(name, True)}


def _one_of(name: str, value: object, allowed: tuple[object, ...]) -> None:
    if value not in allowed:
        raise InputError(f"unknown {name} {value!r}", hint=f"choose one of {', '.join(map(str, allowed))}")


def _at_least(name: str, value: object, low: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise InputError(f"{name} must be a whole number of at least {low}, got {value!r}")


def _within(name: str, value: object, low: float, high: float) -> None:
    if not (isinstance(value, int | float) and math.isfinite(value) and low <= value <= high):
        raise InputError(f"{name} must lie between {low:g} and {high:g}, got {value!r}")
