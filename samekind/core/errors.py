"""Errors that a user can cause and fix.

    SamekindError
    ├── InputError (also ValueError)   an argument out of range, an unknown name
    ├── CorpusError                    a folder or source that holds no usable images
    │   └── DownloadError              a source that could not be fetched
    ├── ImageError                     one image that cannot be decoded
    ├── ArtefactError                  an artefact or index that is missing, unfinished or does not match
    ├── MissingDependencyError         an optional package or a local checkpoint that is not there
    └── ServiceError                   a service that cannot be reached, is busy or refuses

The command line prints the message and the hint on one line each and leaves with exit code 2; anything else is a bug and shows
its traceback.
"""

from __future__ import annotations


class SamekindError(Exception):
    """A failure that the user can fix.

    Args:
        message: what is wrong, with the offending value and what was expected.
        hint: what to do about it; may be empty.

    Attributes:
        is_told_elsewhere: another of several processes that train together says it; the command line says nothing then.
    """

    is_told_elsewhere = False

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class InputError(SamekindError, ValueError):
    """An argument that is out of range or names something unknown."""


class CorpusError(SamekindError):
    """A corpus that is missing, empty or unusable."""


class DownloadError(CorpusError):
    """A corpus that could not be fetched from any of its sources."""


class ImageError(SamekindError):
    """An image that cannot be decoded."""


class ArtefactError(SamekindError):
    """An artefact or index that is missing, unfinished, or made by something else."""


class MissingDependencyError(SamekindError):
    """An optional package or a local file that a choice needs."""


class ServiceError(SamekindError):
    """A service that cannot be reached, is busy, or refuses."""
