"""A witness that answers over HTTP: ``POST /add-checkpoint`` and ``GET /<origin hash>/checkpoint``.

Known limits
------------
Plain HTTP on one address: put a TLS proxy before it, or a C2SP bastion. Anybody may ask; what is not signed
by a log that the witness watches is answered with 403 or 404.
"""

from __future__ import annotations

import logging
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from linernotes.auditlog.http_client import Answer
from linernotes.auditlog.witness import MAX_REQUEST_BYTES, TEXT_TYPE, Witness
from linernotes.errors import InputError, LinernotesError

IDLE_S = 30
_log = logging.getLogger(__name__)


def make_server(witness: Witness, host: str, port: int) -> ThreadingHTTPServer:
    """Return a server for *witness*, bound and ready: call its ``serve_forever``.

    Parameters
    ----------
    witness : Witness
        Who answers.
    host : str
        Address to bind to.
    port : int
        0 lets the system choose; see the server's ``server_port``.

    Raises
    ------
    InputError
        If the address cannot be bound to.
    """

    class Handler(_Handler):
        asked = witness

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except (OSError, OverflowError) as error:
        raise InputError(f"{host}:{port}: cannot listen there ({error}); choose another port") from None
    server.daemon_threads = True
    return server


class _Handler(BaseHTTPRequestHandler):
    asked: Witness
    protocol_version = "HTTP/1.1"
    timeout = IDLE_S
    server_version = "linernotes-witness"
    sys_version = ""

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()) or int(length) > MAX_REQUEST_BYTES:
            self.close_connection = True
            self._send(Answer(400, TEXT_TYPE, b"request: no Content-Length, or too large\n"))
            return
        body = self.rfile.read(int(length))
        if self.path.rstrip("/").rpartition("/")[2] != "add-checkpoint":
            self._send(Answer(404, TEXT_TYPE, b"no such page\n"))
            return
        try:
            self._send(self.asked.add_checkpoint(body))
        except (LinernotesError, OSError) as error:
            _log.error("%s", error)
            self._send(Answer(500, TEXT_TYPE, b"the witness cannot answer now\n"))

    def do_GET(self) -> None:
        origin_hash, _, rest = self.path.lstrip("/").partition("/")
        found = self.asked.latest(origin_hash) if rest == "checkpoint" else None
        if found is None:
            self._send(Answer(404, TEXT_TYPE, b"no such page\n"))
        else:
            self._send(Answer(200, TEXT_TYPE, found))

    def log_message(self, format: str, *args: object) -> None:
        _log.info(format, *args)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)
