"""`python -m convlab.serving` starts the service; `make serve` calls it."""

import argparse
import contextlib
import os
import socket
import sys

from convlab.printing import say
from convlab.serving import MISSING, missing
from convlab.serving.settings import PREFIX, Settings

WELCOME = """
This is the first start. The administrator of this service is made now:

    user      admin
    password  {password}

The password is shown this once. Only its hash is stored.
"""
READY = """
The page:   http://{host}:{port}/
The docs:   http://{host}:{port}/docs
By hand:    curl -d '{{"user": "admin", "password": "…"}}' http://{host}:{port}/login
            curl -H 'Authorization: Bearer TOKEN' -F image=@seven.png http://{host}:{port}/predict
"""


def main(arguments: list[str] | None = None) -> int:
    """Start the service and return 0 when it is stopped; 1 with a sentence if it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m convlab.serving", description="Serve a trained network.")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen at (127.0.0.1: this machine only)"
    )
    parser.add_argument("--port", type=int, default=8000, help="port to listen at; 0 takes a free one")
    parser.add_argument("--workers", type=int, default=1, help="processes; one that dies is replaced")
    parser.add_argument("--home", help="folder of database, keys and models (service)")
    parser.add_argument("--database", help="URL, as in postgresql+psycopg://user:password@host/name (SQLite)")
    parser.add_argument(
        "--rotate-keys", action="store_true", help="sign with a new key from now on, and stop"
    )
    given = parser.parse_args(arguments)
    if absent := missing():
        say(MISSING.format(", ".join(absent)), file=sys.stderr)
        return 1
    for name in ("home", "database"):
        if getattr(given, name) is not None:
            os.environ[PREFIX + name.upper()] = getattr(given, name)
    return rotate() if given.rotate_keys else serve(given)


def rotate() -> int:
    """Sign with a new key from now on."""
    from convlab.serving.tokens import Keys

    keys = Keys(Settings.from_environment().key_file)
    keys.rotate()
    say(f"Tokens are signed with key {keys.all()[0][0]} from now on; the key before still verifies.")
    return 0


def serve(given: argparse.Namespace) -> int:
    """Prepare what a first start needs, then serve."""
    from sqlalchemy.exc import SQLAlchemyError

    from convlab.serving import service

    try:
        settings = Settings.from_environment()
        listening = _listen(given.host, given.port)
        password = service.prepare(settings)
    except (ValueError, OSError, OverflowError) as error:
        say(f"The service cannot start: {error}", file=sys.stderr)
        return 1
    except SQLAlchemyError as error:
        reason = type(error).__name__
        say(
            f"The service cannot start: its database cannot be used ({reason}). Is it running?",
            file=sys.stderr,
        )
        return 1
    if password:
        say(WELCOME.format(password=password), flush=True)
    say(READY.format(host=given.host, port=listening.getsockname()[1]), flush=True)
    return _run(listening, given.workers, settings)


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that takes connections from now on; they wait until the service is ready."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=2048)
    # asyncio sends small packets at once only on a socket that names its protocol, and create_server names
    # none. Otherwise an answer waits 40 ms for the client to acknowledge its head.
    listening = socket.socket(listening.family, listening.type, socket.IPPROTO_TCP, fileno=listening.detach())
    listening.set_inheritable(True)
    return listening


def _run(listening: socket.socket, workers: int, settings: Settings) -> int:
    """Serve until a signal ends it; return 0, or 1 if the service did not start."""
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    from convlab.serving.slow_clients import PunctualProtocol

    config = uvicorn.Config(
        "convlab.serving.app:from_environment",
        factory=True,
        workers=workers,
        http=PunctualProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=settings.proxies or None,
        limit_concurrency=settings.connections,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=settings.stop_seconds,
        timeout_worker_healthcheck=60,  # a busy machine is no reason to replace a worker
    )
    if workers > 1:
        Multiprocess(config, sockets=[listening]).run()
        return 0
    server = uvicorn.Server(config)
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listening])
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
