"""Searches by upload, vector, words and id."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request

from samekind import Crop, Index, Mix, Text
from samekind.service.refusals import Refusal
from samekind.service.routes.refusals import errors
from samekind.service.schemas import Hits, ImageOptions, Mixing, NeighbourOptions, TextSearch, VectorSearch
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
async def search_image(request: Request, options: Annotated[ImageOptions, Query()], service: Served) -> dict[str, Any]:
    """Finds the images that are most like an uploaded one, or a part of it; with words and images of the index besides."""
    if request.headers.get("content-type", "").startswith("multipart/"):
        raise Refusal(415, "the file is expected as the body, not in a form", "curl --data-binary @photo.jpg …")
    encoded = await request.body()
    box = None if options.crop is None else tuple(map(int, options.crop.split(",")))
    words = [] if options.text is None else [Text(options.text)]

    def read(index: Index) -> Any:
        picture = index.read(encoded if box is None else Crop(encoded, box))
        return _mixed(index, [picture, *words], options)

    return await service.hits(read, options, ("picture", "words") if words else ("picture",))


@router.post("/v1/search/vector", response_model=Hits, responses=errors(413), summary="By vector")
async def search_vector(asked: VectorSearch, service: Served) -> dict[str, Any]:
    """Finds the images whose embeddings are most like a vector, which is scaled to unit norm."""
    vector_D = np.array(asked.vector)
    return await service.hits(lambda index: index.embedded(vector_D), asked)


@router.post("/v1/search/text", response_model=Hits, responses=errors(413), summary="By words")
async def search_text(asked: TextSearch, service: Served) -> dict[str, Any]:
    """Finds the images that show what the words say, if the index' encoder embeds words; with images of the index besides."""
    return await service.hits(lambda index: _mixed(index, [Text(asked.text)], asked), asked, ("words",))


@router.get("/v1/images/neighbours", response_model=Hits, responses=errors(404), summary="Neighbours of an image")
async def neighbours(options: Annotated[NeighbourOptions, Query()], service: Served) -> dict[str, Any]:
    """Finds the images that are most like an image of the index, or like some and unlike others."""

    def read(index: Index) -> Any:
        return index.embedded(_mixed(index, [_of(index, options.id)], options))

    return await service.hits(read, options)


def _mixed(index: Index, parts: list[Any], options: Mixing) -> Any:
    """What was asked, with the images of the index that hits should be like and unlike."""
    parts = [*parts, *(_of(index, id_) for id_ in options.like)]
    unlike = [_of(index, id_) for id_ in options.unlike]
    if len(parts) == 1 and not unlike and len(options.weights) < 2:
        return parts[0]
    return Mix(*parts, weights=options.weights or None, unlike=unlike, unlike_weight=options.unlike_weight)


def _of(index: Index, id_: str) -> Any:
    return index.embedded_id(known(index, id_))
