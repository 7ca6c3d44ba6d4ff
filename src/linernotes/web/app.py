"""The portal's application: addresses, JSON twins, security headers, and pages for what is not there.

Idea
----
`ADDRESSES` is the whole site: an address, the function of `linernotes.web.pages` that answers it, and its
template. Each is served twice, as a page and, with ``.json`` behind it, as data.

Conventions
-----------
Read-only: GET and HEAD. Nothing is loaded from elsewhere; the headers forbid it. Ids in an address are
looked up, never joined to a path.

Known limits
------------
There are no accounts: whoever can reach the port can read the workspace, so it listens on this machine
alone unless told otherwise.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from linernotes.errors import LinernotesError
from linernotes.reports.html import TEMPLATES as REPORT_TEMPLATES
from linernotes.reports.html import environment, unbroken
from linernotes.web import pages
from linernotes.workspace import Workspace

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).with_name("templates")
ADDRESSES: tuple[tuple[str, Callable[..., pages.Facts | None], str], ...] = (
    ("/", pages.overview, "overview.html"),
    ("/corpus", pages.corpus, "corpus.html"),
    ("/corpus/{item_id}", pages.item, "item.html"),
    ("/gaps", pages.gaps, "gaps.html"),
    ("/outputs", pages.outputs, "outputs.html"),
    ("/outputs/{query_id:path}", pages.output, "output.html"),
    ("/statements", pages.statements, "statements.html"),
    ("/statements/{statement_id}", pages.statement, "statement.html"),
    ("/log", pages.log, "log.html"),
    ("/log/{index}", pages.log_entry, "log_entry.html"),
)
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; media-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
MEDIA_TYPES = {
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
    ".flac": "audio/flac",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".m4a": "audio/mp4",
}
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<circle cx="16" cy="16" r="15" fill="#23201b"/>'
    '<circle cx="16" cy="16" r="6" fill="#b3552e"/><circle cx="16" cy="16" r="1.5" fill="#f8f5ee"/></svg>'
)


def create_app(workspace: Path | str, allowed_hosts: Sequence[str] = ("*",)) -> FastAPI:
    """Return the portal of one workspace as an ASGI application.

    Parameters
    ----------
    workspace : Path or str
        The workspace to show; it is opened anew for each request.
    allowed_hosts : sequence of str
        Names by which the portal may be addressed; anything else is refused, so that no other site
        can read a portal on this machine by renaming itself.

    Raises
    ------
    CorpusError
        If there is no workspace.
    """
    path = Path(workspace)
    Workspace.open(path).close()
    app = FastAPI(title="Linernotes", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(allowed_hosts))
    templates = _templates()
    _add_headers(app)
    _add_files(app, path)
    for address, page, template in ADDRESSES:
        _add_page(app, path, templates, address, page, template)
    _add_refusals(app, templates)
    return app


def _templates() -> Environment:
    from jinja2 import FileSystemLoader

    made = environment()
    made.loader = FileSystemLoader([TEMPLATES, REPORT_TEMPLATES])
    return made


def _add_page(
    app: FastAPI,
    path: Path,
    templates: Environment,
    address: str,
    page: Callable[..., pages.Facts | None],
    template: str,
) -> None:
    def facts_of(request: Request) -> pages.Facts:
        with Workspace.open(path) as workspace:
            facts = page(workspace, **request.path_params)
        if facts is None:
            raise HTTPException(404)
        return facts

    def as_data(request: Request) -> Response:
        return JSONResponse(facts_of(request))

    def as_page(request: Request) -> Response:
        return _html(templates, template, request, facts_of(request))

    methods = ["GET", "HEAD"]
    app.add_api_route(f"{address}.json", as_data, methods=methods, include_in_schema=False)
    if address == "/":
        app.add_api_route("/index.json", as_data, methods=methods, include_in_schema=False)
    app.add_api_route(address, as_page, methods=methods, include_in_schema=False)


def _add_files(app: FastAPI, path: Path) -> None:
    style = (REPORT_TEMPLATES / "style.css").read_text(encoding="utf-8")
    script = (REPORT_TEMPLATES / "page.js").read_text(encoding="utf-8")
    texts = (
        ("/style.css", style, "text/css"),
        ("/page.js", script, "text/javascript"),
        ("/favicon.ico", ICON, "image/svg+xml"),
    )
    for address, text, media_type in texts:
        app.add_api_route(address, _text(text, media_type), methods=["GET", "HEAD"], include_in_schema=False)

    def audio(request: Request) -> Response:
        with Workspace.open(path) as workspace:
            found = pages.item_audio(workspace, request.path_params["item_id"])
        if found is None:
            raise HTTPException(404)
        return FileResponse(
            found, media_type=MEDIA_TYPES.get(found.suffix.lower(), "application/octet-stream")
        )

    def receipt(request: Request) -> Response:
        index = request.path_params["index"]
        with Workspace.open(path) as workspace:
            found = pages.receipt_bytes(workspace, index)
        if found is None:
            raise HTTPException(404)
        name = {"Content-Disposition": f'attachment; filename="receipt-{int(index)}.json"'}
        return Response(found, media_type="application/json", headers=name)

    app.add_api_route("/corpus/{item_id}/audio", audio, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/log/{index}/receipt", receipt, methods=["GET", "HEAD"], include_in_schema=False)


def _text(text: str, media_type: str) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        return Response(text, media_type=media_type)

    return answer


def _add_headers(app: FastAPI) -> None:
    @app.middleware("http")
    async def add(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        response.headers.update(HEADERS)
        return response


def _add_refusals(app: FastAPI, templates: Environment) -> None:
    def refuse(request: Request, status: int, sentence: str) -> Response:
        if request.scope["path"].endswith(".json"):
            return JSONResponse({"error": {"status": status, "message": sentence}}, status)
        return _html(templates, "refusal.html", request, {"status": status, "sentence": sentence}, status)

    async def http(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        sentences = {
            404: "There is nothing at this address in this workspace.",
            405: "This portal only shows; it takes no changes.",
        }
        return refuse(request, status, sentences.get(status, "This cannot be shown."))

    async def ours(request: Request, error: Exception) -> Response:
        return refuse(request, 500, str(error))

    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(LinernotesError, ours)


def _html(
    templates: Environment, template: str, request: Request, facts: dict[str, Any], status: int = 200
) -> Response:
    page = templates.get_template(template).render(f=facts, path=request.scope["path"], top_rows=8)
    return HTMLResponse(unbroken(page), status)
