"""The epoch records as TensorBoard curves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def open_tensorboard(out: Path) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Yields a function that logs one epoch's record under `out/tensorboard`; nested figures become `name/key`."""
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(out / "tensorboard")) as writer:

        def log(record: dict[str, Any]) -> None:
            for name, value in record.items():
                for key, figure in (value if isinstance(value, dict) else {"": value}).items():
                    if name != "epoch" and isinstance(figure, int | float):
                        writer.add_scalar(f"{name}/{key}".rstrip("/"), figure, record["epoch"])

        yield log
