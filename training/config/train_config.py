"""All settings of a run: one frozen dataclass, checked when it is made.

It inherits its parts instead of holding them. So a config is each of its parts: what reads only the model's settings takes a
`ModelSettings` and is given the config, and to users settings are what they are to the command line and to `meta.json`, names without
a prefix. A setting is declared in its part (and in a preset, if that differs) and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from samekind.core.errors import InputError
from samekind.training.config.data import IMAGE, NEAR_DUPLICATES, DataSettings
from samekind.training.config.false_negatives import ADAPTED, ASSUMED_PRIOR, AUTO, FalseNegativeSettings
from samekind.training.config.model import PATCHES, SMALL, ModelSettings, names_model
from samekind.training.config.objective import USING_LABELS, ObjectiveSettings
from samekind.training.config.runtime import RuntimeSettings
from samekind.training.config.schedule import ScheduleSettings
from samekind.training.config.settings import setting

WITHOUT_TREATMENT = {"cpc": "its negatives are patches, not images", "supervised": "it knows the labels already"}


@dataclass(frozen=True, kw_only=True)
class TrainConfig(
    RuntimeSettings, DataSettings, ModelSettings, ScheduleSettings, FalseNegativeSettings, ObjectiveSettings
):  # fields of the last base come first
    """Settings of one run: those of `ObjectiveSettings`, `FalseNegativeSettings`, `ScheduleSettings`, `ModelSettings`, `DataSettings` and
    `RuntimeSettings`, each of which describes its own, and the preset.

    Attributes:
        preset: name of the preset that these settings came from.
    """

    preset: str = setting("small")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tau_plus is None:
            self._settle("tau_plus", 0.0 if self.treatment != "none" else 0.1)
        if self.prior == AUTO and not names_model(self.backbone):
            self._settle("prior", ASSUMED_PRIOR)  # before training there is nothing to estimate it from
        self._settle_hold_out()
        if self.treatment != "none" and self.objective in WITHOUT_TREATMENT:
            raise InputError(
                f"{self.objective} takes no treatment of false negatives", hint=WITHOUT_TREATMENT[self.objective]
            )
        if self.objective == "cpc":
            self._check_cpc()
            self._settle("backbone", PATCHES)
        if self.effective_batch and self.asked_detector == "quantile":
            raise InputError(
                "the detector quantile learns from whole batches",
                hint="take another detector, or leave out --effective-batch",
            )
        if self.queue_size and self.queue_size < self.images_a_step:
            raise InputError(
                f"queue_size is {self.queue_size}, smaller than a step's {self.images_a_step} images",
                hint="take a multiple of the batch size, or 0 for no queue",
            )

    def _settle_hold_out(self) -> None:
        """The rule by what there is to find groups with; from scratch it is the one of runs of release 0.1."""
        if self.hold_out_by is None:
            self._settle("hold_out_by", NEAR_DUPLICATES if self.adapts else IMAGE)
        if self.hold_out_by == NEAR_DUPLICATES and not self.adapts:
            raise InputError(
                "near duplicates are found in the space of a frozen encoder, and this run has none",
                hint="take --hold-out-by series, folder or image, or train an adapter (--backbone lite0)",
            )

    def _check_cpc(self) -> None:
        """Refuses what contrasting patches has no use for."""
        if self.effective_batch:
            raise InputError(
                "cpc draws its negatives and has no use for a large batch", hint="leave out --effective-batch"
            )
        if self.backbone not in (SMALL, PATCHES):
            raise InputError(f"cpc needs the backbone {PATCHES}, not {self.backbone}", hint="leave out --backbone")
        if self.queue_size:
            raise InputError("cpc contrasts patches and has no use for a queue", hint="leave out --queue-size")

    @property
    def method(self) -> str:
        """Objective and, where false negatives are treated, treatment and detector: `hard + soft + reciprocal`."""
        parts = [self.objective] if self.asked_detector is None else [self.objective, self.treatment, self.detector]
        return " + ".join(parts)

    @property
    def uses_labels(self) -> bool:
        """True for an oracle, which shows what labels would buy and is no method."""
        return self.objective in USING_LABELS or self.asked_detector == "oracle"

    def to_dict(self) -> dict[str, Any]:
        """All settings by name, ready for JSON."""
        return asdict(self)

    @property
    def identity(self) -> dict[str, Any]:
        """The settings that change the result. A folder that holds a run with other ones is refused."""
        return settings_that_count(asdict(self))

    @classmethod
    def field_names(cls) -> tuple[str, ...]:
        """Names of all settings."""
        return tuple(f.name for f in fields(cls))


def settings_that_count(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Leaves out settings that change no result: the machine's own, and those that nothing in this combination reads.

    So a flag without effect makes no other run, and a new default of a detector leaves runs without one alone.

    Args:
        settings: fields of `TrainConfig` by name, of an older release perhaps; what is missing has its default.
    """
    of, rules = {**TrainConfig.defaults(), **settings}, TrainConfig.rules()
    return {name: value for name, value in settings.items() if name not in rules or rules[name].counts(of)}


def check_use_of_answers(config: TrainConfig, *, given: bool) -> None:
    """Refuses answers that nothing would read, and settings about answers where there are none.

    Args:
        config: the settings.
        given: True if there are answers (`--verdicts`).

    Raises:
        InputError: one of both.
    """
    if given and config.objective in WITHOUT_TREATMENT:
        raise InputError(f"{config.objective} has no use for verdicts", hint=WITHOUT_TREATMENT[config.objective])
    if not given and config.confirmed != TrainConfig.defaults()["confirmed"]:
        raise InputError(
            f"nothing asks what becomes of confirmed pairs ({config.confirmed}): there are no verdicts",
            hint="add --verdicts ARTEFACT, or leave out --confirmed",
        )
    if config.start_from is not None and not (given and config.adapts):
        raise InputError(
            f"nothing asks where to start from ({config.start_from}): only an adapter with verdicts does",
            hint="add --train adapter and --verdicts ARTEFACT, or leave out --start-from",
        )


def with_start(config: TrainConfig, *, given: bool) -> TrainConfig:
    """The settings with the space that an adapter with answers starts from by default."""
    return replace(config, start_from=ADAPTED) if given and config.adapts and config.start_from is None else config
