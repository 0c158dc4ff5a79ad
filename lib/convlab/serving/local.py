"""The whole service inside this process, on a port of this machine: for lessons and tests."""

import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import Self

import requests
import uvicorn

from convlab.serving import service
from convlab.serving.app import create_app
from convlab.serving.settings import Settings
from convlab.serving.slow_clients import PunctualProtocol


class Local:
    """A service that runs from `with` to the end of its block, on a free port, with a folder of its own.

    Args:
        settings: see `Settings`; `home` is replaced by a temporary folder unless it is named.
        home: folder of database, keys and models.

    Its attributes: `url`, `password` of the administrator, and `service` with its parts.
    """

    def __init__(self, settings: Settings | None = None, home: Path | None = None):
        self.temporary = None if home else tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        folder = Path(home or self.temporary.name)  # type: ignore[union-attr]
        self.settings = replace(settings or Settings(), home=folder)
        self.password = service.prepare(self.settings) or ""
        app = create_app(self.settings)
        self.service: service.Service = app.state.service
        PunctualProtocol.seconds = self.settings.body_seconds
        self.server = uvicorn.Server(
            uvicorn.Config(
                app,
                host="127.0.0.1",
                port=0,
                http=PunctualProtocol,
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                limit_concurrency=self.settings.connections,
            )
        )
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.url = ""

    def __enter__(self) -> Self:
        """Start, and return once it answers."""
        self.thread.start()
        while not self.server.started:
            self.thread.join(0.02)
            if not self.thread.is_alive():
                raise RuntimeError("the service did not start; its log says why")
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.server.should_exit = True
        self.thread.join(30)
        if self.temporary:
            self.temporary.cleanup()

    def log_in(self, user: str = "admin", password: str = "") -> dict:
        """Return the header of a user who has logged in."""
        body = {"user": user, "password": password or self.password}
        answer = requests.post(f"{self.url}/login", json=body, timeout=60)
        answer.raise_for_status()
        return {"Authorization": f"Bearer {answer.json()['token']}"}
