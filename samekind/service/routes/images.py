"""Images of the index: what is known of them, and their pictures. Clients name ids, never paths."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from samekind import Index, __version__
from samekind.service.held_index import about
from samekind.service.refusals import Refusal
from samekind.service.routes.refusals import errors
from samekind.service.schemas import About, IdParameter, Image, Images, ImagesPage
from samekind.service.service import Served, known, page

router = APIRouter(tags=["images"])
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_PICTURE: dict[str, Any] = {"content": {"image/png": _BINARY, "image/jpeg": _BINARY}}
_FILE: dict[str, Any] = {"content": {"application/octet-stream": _BINARY}}
_SAFE = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
"""A file of the corpus may be an SVG, or what a browser would take for a page."""


@router.get("/v1/index", response_model=About, responses=errors(), summary="The index")
async def index(service: Served) -> dict[str, Any]:
    """Tells how many images there are, of which classes, and what can be asked."""
    return await service.workers.do("disk", lambda: about(service.held.ready(), __version__, service.read_only))


@router.get("/v1/images", response_model=Images, responses=errors(), summary="List images")
async def images(asked: Annotated[ImagesPage, Query()], service: Served) -> dict[str, Any]:
    """Lists images in table order, all or those that satisfy a condition."""
    return await service.workers.do("disk", lambda: _images(service.held.ready(), asked))


@router.get("/v1/images/one", response_model=Image, responses=errors(404), summary="One image")
async def image(id_: IdParameter, service: Served) -> dict[str, Any]:
    """Tells what the index knows of one image."""

    def work() -> dict[str, Any]:
        index = service.held.ready()
        return index.row(known(index, id_))

    return await service.workers.do("disk", work)


@router.get(
    "/v1/images/thumbnail",
    response_class=Response,
    responses={200: _PICTURE, **errors(404)},
    summary="Thumbnail of an image",
)
async def thumbnail(id_: IdParameter, service: Served) -> Response:
    """Gives a small picture of one image, of at most 96 px a side."""

    def work() -> bytes:
        index = service.held.with_table()
        return index.thumbnail(known(index, id_))

    return _picture(await service.workers.do("disk", work))


@router.get(
    "/v1/images/picture",
    response_class=Response,
    responses={200: _PICTURE, **errors(404)},
    summary="Picture of an image",
)
async def picture(
    id_: IdParameter,
    service: Served,
    side: Annotated[int, Query(ge=16, le=2048, description="Pixels of the longer side at most.")] = 512,
) -> Response:
    """Gives the best picture there is of one image: of its file, scaled down, or else the thumbnail."""

    def work() -> bytes:
        index = service.held.with_table()
        return index.picture(known(index, id_), side)

    return _picture(await service.workers.do("reading", work))


@router.get(
    "/v1/images/original",
    response_class=Response,
    responses={200: _FILE, **errors(404)},
    summary="Original file of an image",
)
async def original(id_: IdParameter, service: Served) -> Response:
    """Gives the file of one image, byte by byte as it was indexed."""

    def work() -> bytes:
        index = service.held.ready()
        found = index.original(known(index, id_))
        if found is None:
            hint = (
                "/v1/images/picture gives the thumbnail; samekind relocate tells the artefact where a moved folder is"
            )
            raise Refusal(404, f"the file of {id_!r} has moved or changed, or there was none", hint)
        return found

    encoded = await service.workers.do("disk", work)
    return Response(encoded, media_type="application/octet-stream", headers=_SAFE)


def _images(index: Index, asked: ImagesPage) -> dict[str, Any]:
    rows = range(len(index)) if asked.where is None else index.positions_where(asked.where).tolist()
    part, after = page(asked.offset, asked.limit, len(rows))
    return {"images": [index.rows.row(row) for row in rows[part]], "total": len(rows), "next_offset": after}


def _picture(encoded: bytes) -> Response:
    kind = "image/png" if encoded.startswith(b"\x89PNG") else "image/jpeg"
    return Response(encoded, media_type=kind, headers=_SAFE)
