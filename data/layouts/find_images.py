"""Images by the names that lists and annotation files have for them: whole paths, paths from elsewhere, names without their ending."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import PurePosixPath

from samekind.data.layouts.class_names import composed
from samekind.data.layouts.recognise import Parts

_DEEPEST = 3  # parts of a path's end that are looked up
_SEVERAL = -1


class ImageFinder:
    """Finds images by name.

    Args:
        files: paths within the corpus.
    """

    def __init__(self, files: Sequence[Parts]) -> None:
        self._files = files

    @cached_property
    def _whole(self) -> dict[str, int]:
        names: dict[str, int] = {}
        for row, file in enumerate(self._files):
            path = composed("/".join(file))
            names[path] = row
            _enter(names, _bare(path), row)
        return names

    @cached_property
    def _ends(self) -> dict[str, int]:
        ends: dict[str, int] = {}
        for row, file in enumerate(self._files):
            for length in range(1, min(_DEEPEST, len(file)) + 1):
                end = composed("/".join(file[-length:]))
                _enter(ends, end, row)
                if _bare(end) != end:
                    _enter(ends, _bare(end), row)
        return ends

    def find(self, name: str, base: Parts = ()) -> int | None:
        """The image that a name means, `None` if there is none or several could be meant.

        Args:
            name: a path from `base`, from the corpus, or from anywhere, with the image's ending or without.
            base: folder within the corpus that the name may be relative to.
        """
        parts = tuple(part for part in composed(name.strip()).replace("\\", "/").split("/") if part not in ("", "."))
        if not parts:
            return None
        for path in ("/".join((*base, *parts)), "/".join(parts)):
            for form in (path, _bare(path)):
                if self._whole.get(form, _SEVERAL) != _SEVERAL:
                    return self._whole[form]
        for bare in (False, True):
            for length in range(min(_DEEPEST, len(parts)), 0, -1):
                end = "/".join(parts[-length:])
                row = self._ends.get(_bare(end) if bare else end)
                if row is not None:
                    return None if row == _SEVERAL else row
        return None


def _enter(names: dict[str, int], name: str, row: int) -> None:
    names[name] = row if names.get(name, row) == row else _SEVERAL


def _bare(path: str) -> str:
    """Without the ending of a usual length, so that the dots of a name are left alone."""
    suffix = PurePosixPath(path).suffix
    return path.removesuffix(suffix) if 1 < len(suffix) <= 5 and not suffix[1:].isdigit() else path
