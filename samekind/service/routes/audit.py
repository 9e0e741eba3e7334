"""The audit: false negatives among the hardest negatives."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from samekind.service.audits import AGAIN_SECONDS, Asked
from samekind.service.routes.refusals import errors
from samekind.service.schemas import Audit, Text, Working
from samekind.service.service import Served

router = APIRouter(tags=["audit"])


class AuditOptions(BaseModel):
    """What to audit, and how long to wait for it."""

    model_config = ConfigDict(extra="forbid")

    k: int = Field(10, ge=1, le=100, description="Hardest negatives of each image.")
    anchors: int | None = Field(None, ge=1, le=10_000_000, description="Images that are anchors; all if left out.")
    label_level: Text | None = Field(None, description="coarse, fine, or a number of folders.", examples=["coarse"])
    split: Text | None = Field(None, description="Only images of this split.", examples=["train"])
    wait: float = Field(1.0, ge=0, le=20, description="Seconds to wait for the answer.")


@router.get(
    "/v1/audit",
    response_model=Audit,
    responses={202: {"model": Working}, **errors()},
    summary="Audit of false negatives",
)
async def audit(options: Annotated[AuditOptions, Query()], service: Served) -> Any:
    """Counts false negatives among each image's hardest negatives, by rank and class; answers 202 while that is worked out."""
    asked = Asked(options.k, options.anchors, options.label_level, options.split)

    def ask() -> Future[dict[str, Any]]:
        index = service.held.with_table()
        return service.audits.ask(index, asked)

    future = asyncio.wrap_future(await service.workers.do("disk", ask))
    done, _ = await asyncio.wait([future], timeout=options.wait)
    if done:
        return future.result()
    return JSONResponse({"state": "working"}, 202, {"Retry-After": str(AGAIN_SECONDS)})
