"""What is answered instead of a result: a status, and the error and hint that the command line would print.

400  an argument out of range, a condition that is not SQL      413  a body that is too large
401  no token, or another one                                   422  an upload that is no readable image
403  verdicts, where the service is read-only                   429  too many requests from one address
404  no such image, no original, no such verdict                503  busy, or the index is being rewritten
408  the body did not come in time                              504  the answer was not ready in time
"""

from __future__ import annotations

from fastapi.responses import JSONResponse

from samekind import ArtefactError, ImageError, InputError, SamekindError
from samekind.core.text import one_line

BUSY_SECONDS = 1


class Refusal(Exception):
    """A request that is refused by the service itself.

    Args:
        status: of HTTP.
        message: what is wrong.
        hint: what to do about it; may be empty.
        retry_after: seconds after which the same request may be answered; 0 where that makes no difference.
    """

    def __init__(self, status: int, message: str, hint: str = "", retry_after: int = 0) -> None:
        super().__init__(message)
        self.status, self.hint, self.retry_after = status, hint, retry_after

    def response(self) -> JSONResponse:
        """The refusal as it is sent."""
        headers = {"Retry-After": str(self.retry_after)} if self.retry_after else {}
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        content = {"error": one_line(str(self)), "hint": one_line(self.hint)}
        return JSONResponse(content, self.status, headers)


def busy() -> Refusal:
    """More is asked for than can be worked at."""
    return Refusal(503, "the service is busy", "try again in a moment", BUSY_SECONDS)


def refused(error: SamekindError, folder: str) -> Refusal:
    """The refusal for an error of the library.

    Args:
        error: as it was raised.
        folder: the artefact's, which is no client's business.
    """
    message, hint = (text.replace(folder, "ARTEFACT") for text in (str(error), error.hint))
    if isinstance(error, ImageError):
        return Refusal(422, message, hint)
    if isinstance(error, InputError):
        return Refusal(400, message, hint)
    return Refusal(503, message, hint, BUSY_SECONDS if isinstance(error, ArtefactError) else 0)
