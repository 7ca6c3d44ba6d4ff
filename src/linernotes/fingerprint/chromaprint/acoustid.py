"""A small client of AcoustID-style services, which name the recordings of a fingerprint.

What is sent is the fingerprint, the duration in whole seconds, the caller's key and the program's name and
version; never audio, never a file name. Nothing is sent unless the caller makes a client and asks it.

Conventions
-----------
``POST {server}/v2/lookup`` with a form in a gzip body, JSON back. At most three requests a second, as the service
asks. What passes by itself (no connection, too many requests, a fault of the server) is tried again, waiting one, two,
four seconds or as long as the service says; what does not (a key or fingerprint that it refuses) is an
error at once, with the service's own words.

References
----------
https://acoustid.org/webservice (AcoustID is free for non-commercial use; keys come from
https://acoustid.org/new-application). Error numbers: ``acoustid/api/errors.py`` of acoustid-server.

Known limits
------------
A key goes over plain HTTP to this machine only. Redirects are not followed. The service compares the first two
minutes of whole recordings: excerpts and altered audio are seldom found.
"""

from __future__ import annotations

import gzip
import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import IO, Any

from linernotes.errors import InputError, LinernotesError
from linernotes.fingerprint.chromaprint.acoustid_answer import Answer, printable, read_answer, refusal
from linernotes.fingerprint.chromaprint.codec import encode
from linernotes.fingerprint.chromaprint.prints import Chromaprint

SERVER = "https://api.acoustid.org"
META = ("recordings", "releasegroups", "sources", "isrcs")
REQUESTS_PER_SECOND = 3.0
LONGEST_WAIT_S = 60.0

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_MAX_ANSWER = 1 << 24
_TRANSIENT = (429, 500, 502, 503, 504)


class ServiceError(LinernotesError):
    """A service could not be reached, refused a request, or gave an answer that cannot be read."""


class _Again(Exception):
    """Not an error yet: a reason to try once more, and how long to wait at least."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


@dataclass(slots=True)
class AcoustidClient:
    """Asks one service, politely.

    Parameters
    ----------
    key : str
        The caller's application key.
    server : str
        Address of the service; HTTPS, or HTTP on this machine.
    timeout_s : float > 0
        How long a connection, an answer, and the reading of it may each take.
    n_tries : int >= 1
        Requests made for one question at most.
    sleep, clock : callable
        Waiting and telling time; tests put their own in place.

    Raises
    ------
    InputError
        If the key is empty, or the server is no address that a key may be sent to.

    Examples
    --------
    >>> AcoustidClient("k", server="http://example.org")
    Traceback (most recent call last):
    linernotes.errors.InputError: server 'http://example.org': a key would go over plain HTTP; give an https:// address
    """

    key: str = field(repr=False)
    server: str = SERVER
    timeout_s: float = 30.0
    n_tries: int = 4
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _last_at: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.key = self.key.strip()
        if not self.key or not self.key.isprintable() or " " in self.key:
            raise InputError(
                "AcoustID key: empty or not one word; get one at https://acoustid.org/new-application and give it with "
                "--key or in LINERNOTES_ACOUSTID_KEY"
            )
        if not self.timeout_s > 0 or self.n_tries < 1:
            raise InputError(
                f"time-out {self.timeout_s} s, {self.n_tries} tries: expected more than 0 of each"
            )
        self.server = _checked(self.server)

    def look_up(self, fingerprint: Chromaprint, duration_s: float) -> Answer:
        """Ask which recordings have a fingerprint.

        Parameters
        ----------
        fingerprint : Chromaprint
            Of the first two minutes.
        duration_s : float > 0
            Of the whole recording; the service compares recordings of about this length.

        Returns
        -------
        Answer
            Results, best first; none when the service knows none.

        Raises
        ------
        InputError
            If the duration is below a second, or the service refuses the key, the fingerprint or the duration.
        ServiceError
            If the service cannot be reached, fails, or answers what cannot be read.
        """
        if not 1 <= duration_s < 1e6:
            raise InputError(f"duration {duration_s} s: expected at least one second, of the whole recording")
        form = {
            "client": self.key,
            "clientversion": version("linernotes"),
            "format": "json",
            "duration": str(int(duration_s)),
            "fingerprint": encode(fingerprint),
            "meta": " ".join(META),
        }
        held = self._patiently(urllib.parse.urlencode(form).encode("ascii"))
        try:
            return read_answer(held)
        except InputError as error:
            raise ServiceError(f"{self.server}: its answer cannot be read: {error}") from error

    def _patiently(self, body: bytes) -> dict[str, Any]:
        reason = ""
        for n_tried in range(self.n_tries):
            try:
                return self._ask(body)
            except _Again as again:
                reason = str(again)
                if n_tried + 1 < self.n_tries:
                    self.sleep(min(LONGEST_WAIT_S, max(again.wait_s, 2.0**n_tried)))
        times = "once" if self.n_tries == 1 else f"{self.n_tries} times"
        raise ServiceError(f"{self.server}: tried {times}: {reason}; try again later")

    def _ask(self, body: bytes) -> dict[str, Any]:
        self._keep_pace()
        request = urllib.request.Request(  # noqa: S310  (`_checked` let only http and https pass)
            f"{self.server}/v2/lookup",
            data=gzip.compress(body, mtime=0),
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "Content-Encoding": "gzip",
                "Accept": "application/json",
                "User-Agent": f"linernotes/{version('linernotes')}",
            },
        )
        try:
            with self._open(request) as answer:
                status, wait_s = answer.getcode(), _seconds(answer.headers.get("Retry-After"))
                data = self._all_of(answer)
        except urllib.error.URLError as error:
            raise _Again(f"no connection ({error.reason})") from error
        except TimeoutError as error:
            raise _Again(f"no answer within {self.timeout_s:g} s") from error
        except (OSError, http.client.HTTPException) as error:
            raise _Again(f"the connection broke ({str(error) or type(error).__name__})") from error
        return self._judged(data, status, wait_s)

    def _open(self, request: urllib.request.Request) -> Any:
        try:
            return _opener(self.server).open(request, timeout=self.timeout_s)
        except urllib.error.HTTPError as error:
            return error  # an answer too: its body says what was wrong

    def _all_of(self, answer: Any) -> bytes:
        """Read the body; the time-out of a socket is that of one piece, and a slow server sends many."""
        until, pieces, n = self.clock() + self.timeout_s, [], 0
        while piece := answer.read1(1 << 16):
            pieces.append(piece)
            n += len(piece)
            if n > _MAX_ANSWER:
                raise ServiceError(
                    f"{self.server}: its answer is longer than {_MAX_ANSWER} bytes; is it an AcoustID service?"
                )
            if self.clock() > until:
                raise TimeoutError
        return b"".join(pieces)

    def _judged(self, data: bytes, status: int, wait_s: float) -> dict[str, Any]:
        held = _json(data)
        if status == 200 and held is not None and held.get("status") == "ok":
            return held
        if status != 200 or (held is not None and held.get("status") == "error"):
            raise self._as_error(refusal(held or {}), status, wait_s)
        shown = " ".join(printable(data[:80].decode("utf-8", "replace")).split())
        raise ServiceError(
            f"{self.server}: its answer is not that of an AcoustID service: '{shown}'; check the address"
        )

    def _as_error(self, refused: tuple[int, str], status: int, wait_s: float) -> Exception:
        code, words = refused
        said = f"'{words}'" if words else f"HTTP status {status}"
        if status in _TRANSIENT or code in (5, 13, 14):
            return _Again(f"the service says {said}", wait_s)
        if code == 4:
            return InputError(
                f"{self.server}: {said}: the service does not know this key; it takes application keys "
                "(https://acoustid.org/new-application), not the user's key"
            )
        if code in (3, 8):
            return InputError(
                f"{self.server}: {said}: it refuses this fingerprint or duration; is the audio whole?"
            )
        if 300 <= status < 400:
            return ServiceError(
                f"{self.server}: it sends us elsewhere (HTTP status {status}); give the final address"
            )
        return ServiceError(f"{self.server}: it refuses the request: {said}")

    def _keep_pace(self) -> None:
        if self._last_at is not None:
            left = self._last_at + 1 / REQUESTS_PER_SECOND - self.clock()
            if left > 0:
                self.sleep(left)
        self._last_at = self.clock()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The form holds a key: it goes to the address that the caller gave, and nowhere else."""

    def redirect_request(
        self, req: Any, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        return None


def _opener(server: str) -> urllib.request.OpenerDirector:
    handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
    if urllib.parse.urlsplit(server).hostname in _LOOPBACK:
        handlers.append(urllib.request.ProxyHandler({}))
    return urllib.request.build_opener(*handlers)


def _checked(server: str) -> str:
    parts = urllib.parse.urlsplit(server.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise InputError(f"server '{server}': expected an address such as {SERVER}")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise InputError(f"server '{server}': a key would go over plain HTTP; give an https:// address")
    return server.strip().rstrip("/").removesuffix("/v2/lookup").removesuffix("/v2")


def _json(data: bytes) -> dict[str, Any] | None:
    try:
        held = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return held if isinstance(held, dict) else None


def _seconds(text: str | None) -> float:
    return float(text) if text is not None and text.isascii() and text.isdigit() else 0.0
