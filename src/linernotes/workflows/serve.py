"""Serve a workspace in the browser: check it, take the port, run the portal until it is stopped."""

from __future__ import annotations

import importlib
import ipaddress
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from linernotes.errors import InputError, MissingExtra

PORTAL = "linernotes.web.app"  # known by name only: it lies a layer above


def serve_workspace(
    workspace: Path | str,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Show a workspace in the browser until the program is stopped.

    Parameters
    ----------
    workspace : Path or str
        The workspace.
    host : str
        Address to listen on; the default is this machine alone.
    port : int in [0, 65535]
        Port; 0 takes a free one.
    ready : callable, optional
        Called with the portal's address once the port is taken.

    Raises
    ------
    MissingExtra
        If the extra ``web`` is not installed.
    CorpusError
        If there is no workspace.
    InputError
        If the port cannot be taken.
    """
    portal, uvicorn = _web_packages()
    app = portal.create_app(workspace, allowed_hosts(host))
    listener = _listen(host, port)
    if ready:
        shown = f"[{host}]" if ":" in host else host
        ready(f"http://{shown}:{listener.getsockname()[1]}/")
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", server_header=False))
    with listener:
        server.run(sockets=[listener])


def allowed_hosts(host: str) -> list[str]:
    """Return the names by which a portal that listens on *host* may be addressed.

    Examples
    --------
    >>> allowed_hosts("127.0.0.1")
    ['127.0.0.1', 'localhost', '[::1]']
    >>> allowed_hosts("0.0.0.0")
    ['*']
    """
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    return list(dict.fromkeys([host, "localhost", "[::1]"])) if local else ["*"]


def _web_packages() -> tuple[Any, Any]:
    try:
        return importlib.import_module(PORTAL), importlib.import_module("uvicorn")
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "linernotes":
            raise
        raise MissingExtra(
            f"the portal needs the package '{error.name}', which is not installed; "
            "run: pip install 'linernotes[web]'"
        ) from error


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise InputError(f"port {port}: expected 0 to 65535")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise InputError(
            f"{host}:{port}: cannot be listened on ({error.strerror}); choose another --port"
        ) from error
