"""The flags of `samekind train` that replace a preset's settings, made from the settings themselves."""

from __future__ import annotations

from dataclasses import field, make_dataclass
from typing import Annotated, TypeVar, get_type_hints

from samekind.commands.shared import setting
from samekind.training.config.train_config import TrainConfig

T = TypeVar("T")

FLAGS = {name: rule.flag for name, rule in TrainConfig.rules().items() if rule.flag}


def with_settings_flags(command: type[T]) -> type[T]:
    """The dataclass `command` with a further field for each setting that has a flag, `None` unless it is given."""
    types = get_type_hints(TrainConfig)
    return make_dataclass(
        command.__name__,
        [(name, Annotated[types[name] | None, setting(*flag)], field(default=None)) for name, flag in FLAGS.items()],
        bases=(command,),
        namespace={"__doc__": command.__doc__, "__module__": command.__module__},
        frozen=True,
    )
