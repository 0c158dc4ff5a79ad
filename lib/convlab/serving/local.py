"""The whole service inside this process, on a port of this machine: for lessons and tests."""

import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import Self

import requests
import uvicorn
from fastapi import FastAPI

from convlab.serving import service
from convlab.serving.app import create_app
from convlab.serving.settings import Settings
from convlab.serving.slow_clients import PunctualProtocol


class Server:
    """An application that is served from `with`, or `start`, on a free port of this machine, in a thread.

    `url` is where.
    """

    def __init__(self, app: FastAPI, connections: int | None = None):
        self.url = ""
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
                limit_concurrency=connections,
            )
        )
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def start(self) -> Self:
        """Start, and return once it answers."""
        self.thread.start()
        while not self.server.started:
            self.thread.join(0.02)
            if not self.thread.is_alive():
                raise RuntimeError("the service did not start; its log says why")
        self.url = f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}"
        return self

    def stop(self) -> None:
        """Answer what has begun, and stop."""
        self.server.should_exit = True
        self.thread.join(30)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class Local(Server):
    """A service with all its parts, with a folder of its own.

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
        super().__init__(app, self.settings.connections)

    def stop(self) -> None:
        """Stop, and remove a temporary folder."""
        super().stop()
        if self.temporary:
            self.temporary.cleanup()

    def log_in(self, user: str = "admin", password: str = "") -> dict:
        """Return the header of a user who has logged in."""
        body = {"user": user, "password": password or self.password}
        answer = requests.post(f"{self.url}/login", json=body, timeout=60)
        answer.raise_for_status()
        return {"Authorization": f"Bearer {answer.json()['token']}"}
