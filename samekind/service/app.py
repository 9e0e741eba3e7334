"""The ASGI application: routes behind the guard, and one form for every error."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from samekind import Index, SamekindError, __version__
from samekind.service.guard import Access, Guard
from samekind.service.limits import Limits
from samekind.service.refusals import Refusal, refused
from samekind.service.routes import audit, images, operation, searches, verdicts
from samekind.service.service import Service

_DESCRIPTION = 'Find images of the same kind. Errors are `{"error": …, "hint": …}`, as on the command line.'


class ServiceApp(NamedTuple):
    """The application.

    Attributes:
        guarded: what a server runs: what browsers ask for pages from elsewhere is answered first, as they ask it without a token.
        routes: without the guard, for its description.
        service: what the routes work with.
    """

    guarded: Guard | CORSMiddleware
    routes: FastAPI
    service: Service


def create_app(
    index: Index,
    limits: Limits | None = None,
    access: Access | None = None,
    *,
    read_only: bool = False,
    cors: Sequence[str] = (),
) -> ServiceApp:
    """Puts the service of an index together.

    Args:
        index: opened; where the artefact changes, it is opened again.
        limits: how much a visitor may ask.
        access: who may ask.
        read_only: verdicts are not taken.
        cors: origins whose pages may ask, such as `https://photos.example.org`.
    """
    limits, access = limits or Limits(), access or Access()
    service = Service(index, limits, read_only)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        service.workers.close()

    # Its own pages of documentation would fetch scripts from elsewhere.
    app = FastAPI(
        title="samekind",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.service = service
    for router in (searches.router, images.router, audit.router, verdicts.router, operation.router):
        app.include_router(router)
    _answer_errors(app)
    app.openapi = lambda: _described(app, bool(access.token))  # type: ignore[method-assign]
    guarded: Any = Guard(app, access, limits, service.metrics)
    if cors:
        guarded = CORSMiddleware(
            guarded,
            allow_origins=list(cors),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization"],
            expose_headers=["Retry-After"],
        )
    return ServiceApp(guarded, app, service)


def _answer_errors(app: FastAPI) -> None:
    async def own(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Refusal)
        return error.response()

    async def library(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, SamekindError)
        return refused(error, str(app.state.service.held.path)).response()

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return Refusal(400, _complaint(error), f"{app.openapi_url} describes every argument").response()

    async def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        response = Refusal(error.status_code, str(error.detail), f"{app.openapi_url} lists the paths").response()
        response.headers.update(error.headers or {})
        methods = app.openapi()["paths"].get(request.url.path)
        if error.status_code == 405 and methods:  # FastAPI names those of one route alone
            response.headers["Allow"] = ", ".join(sorted(map(str.upper, methods)))
        return response

    async def bug(request: Request, error: Exception) -> JSONResponse:
        return Refusal(500, "the service has failed", "its log says why").response()

    handlers = {
        Refusal: own,
        SamekindError: library,
        RequestValidationError: invalid,
        HTTPException: http,
        Exception: bug,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def _complaint(error: RequestValidationError) -> str:
    """The first thing that does not fit, as one line."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    return f"{where}: {first['msg']}"


def _described(app: FastAPI, with_token: bool) -> dict[str, Any]:
    """The description of the service, with the token if there is one, and without FastAPI's own form of errors, which is never sent."""
    if app.openapi_schema is None:
        found = FastAPI.openapi(app)
        for methods in found["paths"].values():
            for operation_ in methods.values():
                if operation_["responses"].get("422", {}).get("content", {}).get("application/json", {}).get(
                    "schema", {}
                ) == {"$ref": "#/components/schemas/HTTPValidationError"}:
                    del operation_["responses"]["422"]
        for name in ("HTTPValidationError", "ValidationError"):
            found["components"]["schemas"].pop(name, None)
        if with_token:
            found["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            found["security"] = [{"token": []}]
        app.openapi_schema = found
    return app.openapi_schema
