"""Small HTTP requests with limits, for mirrors and witnesses; http and https, nothing else.

Known limits
------------
One connection per request. Certificates are checked as Python's standard library does.
"""

from __future__ import annotations

import gzip
import io
import urllib.error
import urllib.request
import zlib
from dataclasses import dataclass
from http.client import HTTPException

from linernotes.errors import InputError

TIMEOUT_S = 30.0
USER_AGENT = "linernotes-auditlog"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said: status, content type and body."""

    status: int
    content_type: str
    body: bytes


def request(url: str, *, data: bytes | None = None, limit_bytes: int, timeout_s: float = TIMEOUT_S) -> Answer:
    """Ask *url* (GET, or POST where there is *data*); any status is an answer.

    Raises
    ------
    InputError
        If the address is not http or https, nobody answers, or the body is larger than *limit_bytes*.
    """
    if not url.lower().startswith(("http://", "https://")):
        raise InputError(f"{url}: expected an address that begins with http:// or https://")
    headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "gzip, identity"}
    try:
        asked = urllib.request.Request(url, data=data, headers=headers)  # noqa: S310 - the scheme was checked
        with _opener().open(asked, timeout=timeout_s) as answer:
            return _read(url, answer, limit_bytes)
    except urllib.error.HTTPError as error:
        with error:
            return _read(url, error, limit_bytes)
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise InputError(f"{url}: no answer ({reason}); is the address right, and the server up?") from None


def _read(url: str, answer: object, limit_bytes: int) -> Answer:
    body = answer.read(limit_bytes + 1)  # type: ignore[attr-defined]  # a response, or an error that is one
    headers = answer.headers  # type: ignore[attr-defined]
    if headers.get("Content-Encoding", "").lower() == "gzip":
        try:
            body = gzip.GzipFile(fileobj=io.BytesIO(body)).read(limit_bytes + 1)
        except (OSError, EOFError, zlib.error):
            raise InputError(f"{url}: its answer is not the gzip data that it says it is") from None
    if len(body) > limit_bytes:
        raise InputError(f"{url}: more than {limit_bytes} bytes, which is too much for what was asked")
    return Answer(answer.status, headers.get_content_type(), body)  # type: ignore[attr-defined]


def _opener() -> urllib.request.OpenerDirector:
    # Listed one by one: the usual opener would also follow a redirect to ftp or read a local file.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener
