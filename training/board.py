"""The epoch records as TensorBoard curves."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def log_epoch(out: Path, record: dict[str, Any]) -> None:
    """Appends one epoch's figures under `out/tensorboard`; nested ones become `name/key`."""
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(out / "tensorboard")) as board:  # type: ignore[no-untyped-call]
        for name, value in record.items():
            figures = value if isinstance(value, dict) else {"": value}
            for key, figure in figures.items():
                if name != "epoch" and isinstance(figure, int | float):
                    board.add_scalar(f"{name}/{key}".rstrip("/"), figure, record["epoch"])  # type: ignore[no-untyped-call]
