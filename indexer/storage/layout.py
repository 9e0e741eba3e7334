"""Names of the files that an index adds to an artefact."""

from __future__ import annotations

from pathlib import Path

MANIFEST = "manifest.json"
JOURNAL = "indexing.json"
INDEX_FILE = "index.faiss"
TUNED_INDEX = "index-{}.faiss"
"""The file that `samekind tune` leaves, by the start of its SHA-256: one rename of the manifest goes from the old one to it."""
TUNING = "tuning.json"
ROWS_FILE = "rows.arrow"
DELTA_FILE = "delta.safetensors"
"""Changes that are not in the index file yet."""
TABLE_FOLDER = Path("db") / "images.lance"
PROBES_FOLDER = Path("db") / "probes.lance"
ADAPTATION = "adaptation.safetensors"
EARLIER_ADAPTATIONS = "adaptations"
MAP = "map.safetensors"
EVALUATION = "evaluation.json"
"""What `samekind evaluate` found last, and of which state of the index."""
PLACING = "adapted.new"
"""There while an adaptation is put in place or taken away, and after a kill in between."""
ROW_COLUMNS = ("id", "uri", "split", "label", "width", "height", "sha256", "corpus")
"""Everything but the heavy columns `thumbnail` and `vector`."""
