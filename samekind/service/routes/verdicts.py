"""Answers of people about pairs of images: list, add, withdraw."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query

import samekind
from samekind.service.refusals import Refusal
from samekind.service.routes.refusals import errors
from samekind.service.schemas import NewVerdict, Page, Text, Verdict, Verdicts
from samekind.service.service import Served, Service, known, page

router = APIRouter(tags=["verdicts"])
WITHDRAWN = "withdrawn"


@router.get("/v1/verdicts", response_model=Verdicts, responses=errors(), summary="List verdicts")
async def verdicts(asked: Annotated[Page, Query()], service: Served) -> dict[str, Any]:
    """Lists the answers that hold, oldest first."""
    return await service.workers.do("disk", _listed, service, asked)


@router.post(
    "/v1/verdicts", status_code=201, response_model=Verdict, responses=errors(403, 404, 413), summary="Add a verdict"
)
async def add_verdict(new: NewVerdict, service: Served) -> dict[str, Any]:
    """Adds an answer about two images; it takes the place of an earlier one about the same pair."""
    return await service.workers.do("disk", _added, service, new)


@router.delete("/v1/verdicts", response_model=Verdict, responses=errors(403, 404), summary="Withdraw a verdict")
async def withdraw_verdict(
    anchor: Annotated[Text, Query(description="Id of one image of the pair.")],
    negative: Annotated[Text, Query(description="Id of the other one.")],
    service: Served,
    who: Annotated[Text, Query(description="Who withdraws it.")] = "",
) -> dict[str, Any]:
    """Takes the answer about two images back."""
    return await service.workers.do("disk", _withdrawn, service, anchor, negative, who)


def _listed(service: Service, asked: Page) -> dict[str, Any]:
    index = service.held.ready()
    standing = [*service.verdicts.current().values(), *service.verdicts.right_labels().values()]
    standing.sort(key=lambda verdict: verdict.moment)
    part, after = page(asked.offset, asked.limit, len(standing))
    shown = standing[part]
    wanted = {hash_ for verdict in shown for hash_ in verdict.pair}
    ids: dict[str, str] = {}
    for id_, hash_ in zip(index.ids, index.rows.column("sha256"), strict=True):
        if hash_ in wanted:
            ids.setdefault(hash_, id_)
    told = [_told(each, ids.get(each.anchor_sha256), ids.get(each.negative_sha256)) for each in shown]
    return {"verdicts": told, "total": len(standing), "next_offset": after}


def _added(service: Service, new: NewVerdict) -> dict[str, Any]:
    anchor_sha256, negative_sha256 = _hashes(service, new.anchor, new.negative)
    if new.verdict == WITHDRAWN:
        raise samekind.InputError("a verdict is withdrawn with DELETE", hint="DELETE /v1/verdicts?anchor=…&negative=…")
    verdict = samekind.Verdict(anchor_sha256, negative_sha256, new.verdict, who=new.who, note=new.note)
    with service.writing:
        service.verdicts.add([verdict])
    return _told(verdict, new.anchor, new.negative)


def _withdrawn(service: Service, anchor: str, negative: str, who: str) -> dict[str, Any]:
    anchor_sha256, negative_sha256 = _hashes(service, anchor, negative)
    with service.writing:
        if anchor_sha256 == negative_sha256:
            there = anchor_sha256 in service.verdicts.right_labels()
        else:
            first, second = sorted((anchor_sha256, negative_sha256))
            there = (first, second) in service.verdicts.current()
        if not there:
            raise Refusal(404, "there is no verdict on this pair", "/v1/verdicts lists those that hold")
        verdict = samekind.Verdict(anchor_sha256, negative_sha256, WITHDRAWN, who=who)
        service.verdicts.add([verdict])
    return _told(verdict, anchor, negative)


def _hashes(service: Service, anchor: str, negative: str) -> tuple[str, str]:
    if service.read_only:
        raise Refusal(403, "the service is read-only", "start it without --read-only")
    index = service.held.ready()
    return index.row(known(index, anchor))["sha256"], index.row(known(index, negative))["sha256"]


def _told(verdict: samekind.Verdict, anchor: str | None, negative: str | None) -> dict[str, Any]:
    return {"anchor": anchor, "negative": negative, **asdict(verdict)}
