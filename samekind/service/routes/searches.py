"""Searches by upload, vector, words and id."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request

from samekind import Text
from samekind.service.refusals import Refusal
from samekind.service.routes.refusals import errors
from samekind.service.schemas import Hits, NeighbourOptions, Options, TextSearch, VectorSearch
from samekind.service.service import Served, known

router = APIRouter(tags=["search"])
_UPLOAD = {
    "requestBody": {
        "required": True,
        "description": "The file of an image, as it is: no form.",
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("image/*", "application/octet-stream")
        },
    }
}


@router.post(
    "/v1/search/image", response_model=Hits, responses=errors(413, 415, 422), openapi_extra=_UPLOAD, summary="By image"
)
async def search_image(request: Request, options: Annotated[Options, Query()], service: Served) -> dict[str, Any]:
    """Finds the images that are most like an uploaded one."""
    if request.headers.get("content-type", "").startswith("multipart/"):
        raise Refusal(415, "the file is expected as the body, not in a form", "curl --data-binary @photo.jpg …")
    encoded = await request.body()
    return await service.hits(lambda index: index.read(encoded), options, "picture")


@router.post("/v1/search/vector", response_model=Hits, responses=errors(413), summary="By vector")
async def search_vector(asked: VectorSearch, service: Served) -> dict[str, Any]:
    """Finds the images whose embeddings are most like a vector, which is scaled to unit norm."""
    vector_D = np.array(asked.vector)
    return await service.hits(lambda index: index.embedded(vector_D), asked)


@router.post("/v1/search/text", response_model=Hits, responses=errors(413), summary="By words")
async def search_text(asked: TextSearch, service: Served) -> dict[str, Any]:
    """Finds the images that show what the words say, if the index' encoder embeds words."""
    return await service.hits(lambda index: index.read(Text(asked.text)), asked, "words")


@router.get("/v1/images/neighbours", response_model=Hits, responses=errors(404), summary="Neighbours of an image")
async def neighbours(options: Annotated[NeighbourOptions, Query()], service: Served) -> dict[str, Any]:
    """Finds the images that are most like an image of the index."""
    return await service.hits(lambda index: index.embedded_id(known(index, options.id)), options)
