"""What stands between the network and the application: sizes, times, headers, a log line for each request."""

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from convlab.serving import logs
from convlab.serving.errors import Refused
from convlab.serving.metrics import Metrics
from convlab.serving.settings import Settings
from convlab.serving.tokens import Signer

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
PICTURES = ("/predict", "/uploads")
SMALL = 64_000  # bytes of any other request
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


class Protection:
    """An ASGI layer that reads each body whole, within a size and a time, before the application runs.

    A client that sends a byte a minute occupies one connection for `body_seconds`, and no thread. Every
    answer gets headers that tell a browser to run no foreign code. An error that nobody expected is answered
    with 500 and a number that stands in the log. Who has no token may send no more than `SMALL`, so that
    strangers cannot fill the memory that pictures need.
    """

    def __init__(self, app: App, settings: Settings, metrics: Metrics, signer: Signer):
        self.app = app
        self.settings = settings
        self.metrics = metrics
        self.signer = signer
        self.in_memory = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, number = time.perf_counter(), secrets.token_hex(6)
        answer = {"status": 0}

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer["status"] = message["status"]
                have = {name.lower() for name, _ in message["headers"]}
                more = [(n.encode(), v.encode()) for n, v in HEADERS.items() if n.encode() not in have]
                message["headers"] = [*message["headers"], *more, (b"x-request-id", number.encode())]
            await send(message)

        body = b""
        try:
            try:
                body = await self._body(scope, receive)
                await self.app(scope, _replay(body, receive), sending)
            finally:
                self.in_memory -= len(body)
        except Refused as error:
            await _refuse(sending, error)
        except ConnectionError:  # the client has gone
            answer["status"] = 499
        except Exception:
            logs.LOGGER.exception("failed", extra={"fields": {"request": number}})
            if not answer["status"]:
                await _refuse(sending, Refused(500, f"The service failed. Its log has more at {number}."))
        finally:
            self._note(scope, answer["status"], time.perf_counter() - begun, number)

    async def _body(self, scope: Message, receive: Receive) -> bytes:
        """Return a request's whole body, counted in `in_memory`; `Refused` if it is too long or too slow."""
        most = self.settings.body_bytes if scope["path"] in PICTURES else SMALL
        known = most == SMALL  # whether it is settled how much this client may send
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self.settings.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ConnectionError
                    part = message.get("body", b"")
                    size += len(part)
                    self.in_memory += len(part)
                    parts.append(part)
                    if size > most:
                        raise Refused(413, f"The request is too long; {most:,} bytes is most.")
                    if size > SMALL and not known:
                        known = self._verify(scope)
                    if self.in_memory > self.settings.memory_bytes:
                        raise Refused(503, "The service is busy. Try again soon.", retry=1)
                    if not message.get("more_body"):
                        return b"".join(parts)
        except BaseException as error:
            self.in_memory -= size
            if isinstance(error, TimeoutError):
                seconds = self.settings.body_seconds
                raise Refused(408, f"The request did not arrive within {seconds:g} seconds.") from None
            raise

    def _verify(self, scope: Message) -> bool:
        """Return True for a request with a token that we have signed; else `Refused` with 401."""
        header = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        kind, _, token = header.partition(" ")
        if kind.lower() != "bearer":
            raise Refused(401, "Log in first: POST /login, then send the header Authorization: Bearer TOKEN.")
        self.signer.verify(token.strip())
        return True

    def _note(self, scope: Message, status: int, seconds: float, number: str) -> None:
        """Count a request and write its line: the route's pattern, never the address that was asked for."""
        route = getattr(scope.get("route"), "path", "other")
        method = scope["method"] if scope["method"] in ("GET", "POST", "PUT", "DELETE", "HEAD") else "other"
        self.metrics.requests.labels(route, method, str(status)).inc()
        self.metrics.seconds.labels(route).observe(seconds)
        logs.event(
            "request", request=number, method=method, route=route, status=status, ms=round(1000 * seconds, 1)
        )


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives a body that was read already, then what comes after it."""
    given = False

    async def receiving() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receiving


async def _refuse(send: Send, error: Refused) -> None:
    """Answer with a sentence, and close the connection: the rest of a body may still be on its way."""
    content = json.dumps({"detail": error.sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in error.headers.items()]
    headers += [(b"connection", b"close")]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
