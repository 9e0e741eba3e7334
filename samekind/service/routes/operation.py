"""What watches over the service asks."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from samekind.service.metrics import TYPE
from samekind.service.routes.refusals import errors
from samekind.service.schemas import Error, State
from samekind.service.service import Served

router = APIRouter(tags=["operation"])


@router.get("/health", response_model=State, summary="Alive")
async def health() -> dict[str, str]:
    """Says that the process answers."""
    return {"status": "ok"}


@router.get("/ready", response_model=State, responses={503: {"model": Error}}, summary="Ready")
async def ready(service: Served) -> dict[str, str]:
    """Says that the index is open and can be searched."""
    await service.workers.do("disk", service.held.ready)
    return {"status": "ready"}


@router.get("/metrics", response_class=PlainTextResponse, responses=errors(), summary="Figures for Prometheus")
async def metrics(service: Served) -> PlainTextResponse:
    """Gives counts, times, batches, what waits and memory, as Prometheus reads them."""
    images = await service.workers.do("disk", lambda: len(service.held.current()))
    return PlainTextResponse(service.metrics.text(images, service.workers.waiting), media_type=TYPE)
