"""The pages of a poll over HTTP, for one session: phones answer, and the teacher's page counts.

Everything is in memory. A phone is known by a random cookie, and by nothing else: no name, no address.
"""

import hmac
import io
import json
import secrets
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

from coursekit.teaching.ballots import Poll, Question, Refused

PAGES = Path(__file__).parent / "pages"
SCRIPTS = ("poll.js", "phone.js", "teacher.js")
STATIC = {"poll.css": "text/css", **dict.fromkeys(SCRIPTS, "text/javascript")}
LARGEST_BODY, DRAINED = 8192, 1_000_000  # bytes that are taken, and that are read at most
SLOWEST = 10  # seconds that a client may take for one step of its request
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; form-action 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class PollServer(ThreadingHTTPServer):
    """A poll that listens at `address` until `shutdown`.

    Args:
        address: where to listen, (host, port); port 0 takes a free one.
        prepared: questions for the teacher's page to choose from.
        host: the name or address under which phones reach it, by default that where it listens.
    """

    daemon_threads = True
    request_queue_size = 256  # a whole room may answer in the same second

    def __init__(self, address: tuple[str, int], prepared: list[Question], host: str = ""):
        super().__init__(address, Handler)
        self.poll = Poll()
        self.prepared = prepared
        self.shown = f"http://{host or address[0]}:{self.server_port}/"
        self.key = secrets.token_urlsafe(16)
        self.pages = {name: (PAGES / name).read_bytes() for name in ("phone.html", "teacher.html", *STATIC)}
        self.qr = qr_code(self.shown)

    @property
    def teacher_page(self) -> str:
        """The path of the teacher's page, with its key."""
        return f"/teacher?key={self.key}"

    def handle_error(self, request, client_address):
        """Say nothing: a phone that goes away in the middle of an answer is no news."""


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: PollServer
    timeout = SLOWEST
    too_long = False
    server_version, sys_version = "poll", ""

    def do_GET(self):
        """Answer with a page or with what it is to show."""
        self._answer(self._get)

    def do_POST(self):
        """Count an answer, or do what the teacher asks for."""
        self._answer(self._post)

    def _answer(self, method) -> None:
        """Send what a method returns; what it refuses is sent as a status and a sentence."""
        try:
            method(urlsplit(self.path))
        except Refused as refused:
            self._send(refused.status, {"error": str(refused)})
            if self.too_long:  # read on, so that the client comes to read why, instead of a reset
                self.wfile.flush()
                self.rfile.read(DRAINED)

    def _get(self, url) -> None:
        name = url.path.removeprefix("/")
        match name:
            case "":
                fresh = {} if self._cookie("voter") else {"Set-Cookie": _cookie("voter", "/")}
                self._send(200, self.server.pages["phone.html"], "text/html", fresh)
            case "state":
                self._send(200, self.server.poll.for_voter(self._cookie("voter")))
            case "teacher" if url.query:
                self._admit(parse_qs(url.query).get("key", [""])[0])
            case "teacher":
                self._only_teacher()
                self._send(200, self.server.pages["teacher.html"], "text/html")
            case "teacher/state":
                self._only_teacher()
                prepared = [vars(question) for question in self.server.prepared]
                self._send(
                    200, self.server.poll.for_teacher() | {"prepared": prepared, "shown": self.server.shown}
                )
            case "teacher/qr.svg":
                self._only_teacher()
                if not self.server.qr:
                    raise Refused(404, "There is no QR code: the package segno is not installed.")
                self._send(200, self.server.qr, "image/svg+xml")
            case _ if name in STATIC:
                self._send(200, self.server.pages[name], STATIC[name])
            case "answer" | "teacher/ask" | "teacher/close" | "teacher/stop":
                raise Refused(405, "This address takes POST only.")
            case _:
                raise Refused(404, "There is no such page.")

    def _post(self, url) -> None:
        match url.path.removeprefix("/"):
            case "answer":
                sent = self._body()
                if not (voter := self._cookie("voter")):
                    raise Refused(403, "Load the page first: it gives this phone a cookie.")
                self.server.poll.answer(sent.get("number"), voter, sent.get("answer"))
                self._send(200, self.server.poll.for_voter(voter))
            case "teacher/ask":
                self._only_teacher()
                self.server.poll.ask(_question(self._body()))
                self._send(200, self.server.poll.for_teacher())
            case "teacher/close":
                self._only_teacher()
                self.server.poll.close()
                self._send(200, self.server.poll.for_teacher())
            case "teacher/stop":
                self._only_teacher()
                self._send(200, {"stopped": True})
                Thread(target=self.server.shutdown).start()  # it waits for the end of the loop that runs this
            case "" | "state" | "teacher" | "teacher/state" | "teacher/qr.svg":
                raise Refused(405, "This address takes GET only.")
            case _:
                raise Refused(404, "There is no such page.")

    def _admit(self, key: str) -> None:
        """Exchange the key for a cookie, so that the address on the projector has no key in it."""
        if not hmac.compare_digest(key.encode(), self.server.key.encode()):
            raise Refused(403, "This key is not the one that the terminal shows.")
        cookie = _cookie("teacher", "/teacher", self.server.key)
        self._send(303, b"", "text/plain", {"Location": "/teacher", "Set-Cookie": cookie})

    def _only_teacher(self) -> None:
        """Refuse all who have not opened the address that the terminal shows."""
        if not hmac.compare_digest(self._cookie("teacher").encode(), self.server.key.encode()):
            raise Refused(403, "This page is the teacher's. Its address stands in the terminal.")

    def _cookie(self, name: str) -> str:
        """Return a cookie of ours; an empty text where there is none, or one that we have not made."""
        try:
            found = SimpleCookie(self.headers.get("Cookie", "")).get(name)
        except CookieError:
            return ""
        return found.value if found and len(found.value) == 22 and found.value.isascii() else ""

    def _body(self) -> dict:
        """Return the JSON object that was sent."""
        if self.headers.get_content_type() != "application/json":
            raise Refused(415, "Send JSON, with the content type application/json.")
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()):
            raise Refused(411, "Say how long the answer is.")
        if len(length) > 9 or int(length) > LARGEST_BODY:
            self.too_long = True
            raise Refused(413, f"That is too long: at most {LARGEST_BODY} bytes.")
        try:
            sent = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            raise Refused(400, "That is not JSON.") from None
        if not isinstance(sent, dict):
            raise Refused(400, "That is not a JSON object.")
        return sent

    def _send(self, status: int, content: dict | bytes, kind="application/json", headers=()) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in (HEADERS | dict(headers)).items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind if kind.startswith("image/") else f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(self, code, message=None, explain=None):
        """Answer a method that is not known, or a request that is none, in a sentence instead of in HTML."""
        known = code == 501
        sentence = "This poll takes GET and POST only." if known else "This request cannot be read."
        self.close_connection = True
        self._send(405 if known else code, {"error": sentence})

    def log_message(self, format, *arguments):
        """Log nothing: an address with a time would be a trace of a person."""


def _cookie(name: str, path: str, value: str = "") -> str:
    """Return the header of a cookie that no script reads and no other site sends; random without a value."""
    return f"{name}={value or secrets.token_urlsafe(16)}; Path={path}; HttpOnly; SameSite=Strict"


def _question(sent: dict) -> Question:
    """Return the question that the teacher's page sends."""
    text, kind, choices = sent.get("text"), sent.get("kind"), sent.get("choices", [])
    if not isinstance(text, str) or not isinstance(kind, str) or not isinstance(choices, list):
        raise Refused(400, "A question has a text, a kind and a list of choices.")
    if not all(isinstance(choice, str) for choice in choices):
        raise Refused(400, "A choice is a text.")
    stripped = tuple(choice.strip() for choice in choices if choice.strip())
    return Question(text.strip(), kind, stripped if kind == "choice" else ())


def qr_code(address: str) -> bytes:
    """Return a QR code as SVG; nothing where the package segno is not installed."""
    try:
        import segno
    except ImportError:
        return b""
    picture = io.BytesIO()
    segno.make(address, micro=False).save(picture, kind="svg", scale=8, border=4, light="#fff")
    return picture.getvalue()
