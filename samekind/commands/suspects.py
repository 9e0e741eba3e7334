"""`samekind suspects`: images whose label is or may be wrong, and pictures that are there twice, also across splits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import arg

import samekind
from samekind.commands.shared import Artefact, Json, at_least, folder_exists

if TYPE_CHECKING:
    from samekind.console import Console

SHOWN, LISTED = 20, 100


@dataclass(frozen=True)
class Suspects:
    """Lists images whose label may be wrong, and pictures that are there twice, the surest first.

    Copies with different labels come first: one of the two labels is certain to be wrong. Pictures of the training split that another
    split holds as well are a list of their own, since such a leak makes every accuracy too good.

    Example:
        samekind suspects artifacts/fashion-mnist
        samekind suspects artifacts/fashion-mnist --count 500 --csv lists
        samekind suspects artifacts/fashion-mnist --hide-answered
    """

    artefact: Artefact
    count: Annotated[
        int | None,
        arg(
            metavar="N",
            help="Longest list.",
            help_behavior_hint=f"(default: {SHOWN} here, {LISTED} with --csv or --json)",
        ),
    ] = None
    csv: Annotated[
        Path | None,
        arg(
            metavar="FOLDER",
            help="Also write label-suspects.csv, duplicates.csv and leaks.csv there.",
            help_behavior_hint="",
        ),
    ] = None
    hide_answered: Annotated[bool, arg(help="Leave out what somebody has answered, right or wrong.")] = False
    json: Json = False

    def run(self, console: Console) -> None:
        """Makes the lists and prints them."""
        from samekind.tables import suspects_text
        from samekind.training.runtime.artefact import check_writable, write_atomically

        count = LISTED if self.count is None else self.count
        at_least("--count", count, 1)
        folder_exists(self.artefact)
        if self.csv is not None:
            if self.csv.is_file():
                raise samekind.InputError(f"--csv {self.csv} is a file, and three lists need a folder")
            check_writable(self.csv)
            self.csv.mkdir(parents=True, exist_ok=True)
        index = samekind.Index.open(self.artefact)
        lists: dict[str, samekind.LabelIssues | samekind.Duplicates] = {}
        answer: dict[str, Any] = {"num_judged": 0, "num_label_suspects": None, "num_label_conflicts": None}
        answer["label_suspects"] = []
        notes: list[str] = []
        try:
            lists["label-suspects.csv"] = index.label_issues(count, console.progress)
        except samekind.InputError as error:  # no labels, or one class: the other list is there all the same
            notes = [f"{error}."]
        lists["duplicates.csv"] = index.duplicates(count, console.progress)
        lists["leaks.csv"] = index.leaks(count, console.progress)
        for name, made in lists.items():
            found = made.unanswered() if self.hide_answered else made
            part = found.to_dict()
            if name == "leaks.csv":
                part = {key.replace("duplicates", "leaks"): value for key, value in part.items()}
            notes += [note for note in part.pop("notes") if note not in notes]
            answer |= part
            if self.csv is not None:
                write_atomically(self.csv / name, found.to_csv().encode())
                console.say(f"wrote {self.csv / name}")
        answer["notes"] = notes
        console.answer(answer, suspects_text(answer, self.count or SHOWN))
