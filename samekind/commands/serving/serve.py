"""`samekind serve`: an index over HTTP."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from tyro.conf import UseAppendAction, arg

import samekind
from samekind.commands.shared import Artefact, Json, check_port, folder_exists
from samekind.service.limits import Limits

if TYPE_CHECKING:
    from samekind.console import Console

TOKEN = "SAMEKIND_TOKEN"  # noqa: S105 - the variable's name


@dataclass(frozen=True)
class Serve:
    """Serves an index over HTTP: searches, pictures, audit and verdicts, for programs (docs/service.md).

    Only this machine reaches it, unless --host names another address, which needs a token: SAMEKIND_TOKEN=… or --token.

    Example:
        samekind serve artifacts/photos
        curl --data-binary @cat.jpg 'http://127.0.0.1:8600/v1/search/image?k=5'
        SAMEKIND_TOKEN=secret samekind serve artifacts/photos --host 0.0.0.0 --read-only
    """

    artefact: Artefact
    port: Annotated[int, arg(metavar="N", help="0 for any that is free.")] = 8600
    host: Annotated[str, arg(metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1"
    token: Annotated[
        str,
        arg(
            metavar="SECRET",
            help="Requests must bring it; others on this machine see it in the list of processes, unlike the variable's.",
            help_behavior_hint=f"(default: {TOKEN})",
        ),
    ] = ""
    cors: Annotated[
        UseAppendAction[tuple[str, ...]],
        arg(
            metavar="ORIGIN",
            help="Pages from there may ask: https://photos.example.org; may be given again.",
            help_behavior_hint="",
        ),
    ] = ()
    read_only: Annotated[bool, arg(help="Take no verdicts.")] = False
    max_body: Annotated[float, arg(metavar="MB", help="Largest upload.")] = Limits.max_body
    max_pixels: Annotated[int, arg(metavar="N", help="Width × height of an upload.")] = Limits.max_pixels
    timeout: Annotated[float, arg(metavar="SECONDS", help="Longest time for a request.")] = Limits.timeout
    rate: Annotated[float, arg(metavar="N", help="Requests a second of one address; 0 for any.")] = Limits.rate
    queue: Annotated[int, arg(metavar="N", help="Requests in hand; more are refused.")] = Limits.queue
    max_batch: Annotated[int, arg(metavar="N", help="Searches that are carried out together.")] = Limits.max_batch
    window: Annotated[float, arg(metavar="MS", help="Wait for other searches.")] = Limits.window
    json: Json = False

    def run(self, console: Console) -> None:
        """Serves until Ctrl-C."""
        from samekind.service.run import Place, require_packages, serve

        if self.port:
            check_port(self.port)
        limits = Limits(
            self.max_body, self.max_pixels, self.timeout, self.rate, self.queue, self.max_batch, self.window
        )
        token = self.token or os.environ.get(TOKEN, "")
        place = Place(self.host, self.port, token, self.cors, self.read_only)
        require_packages()
        folder_exists(self.artefact)
        serve(samekind.Index.open(samekind.first_run(self.artefact)), limits, place, console)
