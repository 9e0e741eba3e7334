"""The flags of `samekind train` that replace a preset's settings, made from the settings themselves."""

from __future__ import annotations

from dataclasses import field, make_dataclass
from typing import Annotated, Any, get_type_hints

from tyro.conf import arg

from samekind.commands.shared import setting
from samekind.training.config.train_config import TrainConfig


def settings_flags() -> Any:
    """What tyro makes of a field: one flag for each setting that has one, `None` unless it is given."""
    types = get_type_hints(TrainConfig)
    flags = {name: rule.flag for name, rule in TrainConfig.rules().items() if rule.flag}
    overrides = make_dataclass(
        "Overrides",
        [(name, Annotated[types[name] | None, setting(*flag)], field(default=None)) for name, flag in flags.items()],
        frozen=True,
    )
    return arg(name="", constructor=overrides)
