"""What helps against false negatives: figures of docs/results.md, which is not part of an installation; a test compares them."""

from __future__ import annotations

HELPS = (
    ("helps_plain", ("0.8133 ± 0.0036", "0.5462 ± 0.0028")),
    ("helps_oracle", ("0.8349 ± 0.0038", "0.5733 ± 0.0026")),
    ("helps_hard", ("0.8237 ± 0.0013", "0.5504 ± 0.0042")),
    ("helps_hard_oracle", ("0.8334 ± 0.0073", "0.5920 ± 0.0063")),
    ("helps_ours", ("0.8410 ± 0.0021", "0.5819 ± 0.0062")),
)
"""Key of the method's name, and its k-NN accuracy on Fashion-MNIST and CIFAR-10."""
