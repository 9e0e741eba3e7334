"""`python -m samekind.fetch CORPUS [--data-dir FOLDER]`: gets a corpus' files first, so that a failed download costs seconds."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from samekind.cli import guarded
from samekind.console import Console


def main(argv: Sequence[str] | None = None) -> int:
    """Loads the corpus and says what is in it."""
    parser = argparse.ArgumentParser(prog="python -m samekind.fetch")
    parser.add_argument("corpus")
    parser.add_argument("--data-dir", type=Path)
    arguments = parser.parse_args(argv)

    def work(console: Console) -> None:
        from samekind.commands.shared import load_corpus

        corpus = load_corpus(arguments.corpus, arguments.data_dir, console)
        console.answer({"corpus": corpus.name, "num_images": len(corpus)}, repr(corpus))

    return guarded(work)


if __name__ == "__main__":
    sys.exit(main())
