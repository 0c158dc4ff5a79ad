"""Start a JupyterHub on this machine: `make hub`. It is for trials: it does not separate its students.

The hub has an environment of its own, build/hub/venv, with the packages that deploy/hub/requirements.txt
locks, and its proxy from npm. The students' servers use the course's own Python.
"""

import argparse
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from convlab.files import write_text
from coursekit.lessons import ROOT, CourseError
from coursekit.running import lab

DEPLOY = ROOT / "deploy" / "hub"
FOLDER = ROOT / "build" / "hub"
CONFIG, LOCK = DEPLOY / "jupyterhub_config.py", DEPLOY / "requirements.txt"
PROXY = "configurable-http-proxy@5.3.0"
START_LIMIT = 300  # seconds: more than a busy machine needs
STOP_LIMIT = 60
TRIAL = """
THIS IS A TRIAL HUB. Whoever knows its password opens any name, and every server runs as you: each student can
read the other students' homes, and yours. Do not let a class use it. deploy/hub/README.md says what to use.
Open {url}, any name of small letters and digits, password {password}
Homes and log: {folder}. Ctrl-C ends the hub and all servers."""


@dataclass
class Settings:
    """What a hub is started with."""

    folder: Path = FOLDER
    """homes, database, log and password of the hub"""
    port: int = 8000
    """where browsers find it; the two ports above it are the hub's own"""
    data: Path | None = None
    """a folder of data sets that all servers read (`CONVLAB_DATA`); None for the course's data/"""
    idle: int = 3600
    """seconds after which a server that nobody uses is ended"""
    password: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    """of the trial login"""

    @property
    def url(self) -> str:
        """Where browsers find the hub."""
        return f"http://127.0.0.1:{self.port}"


def main(argv: list[str]) -> int:
    """Set up what the hub needs, and run it until Ctrl-C; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m coursekit hub", description=__doc__)
    parser.add_argument("--port", type=int, default=8000, help="it and the two above it are used")
    parser.add_argument("--data", type=Path, help="a folder of data sets for all (default: CONVLAB_DATA)")
    parser.add_argument("--idle", type=int, default=3600, help="seconds until an unused server ends")
    parser.add_argument("--allow-root", action="store_true", help="on a machine where root is harmless")
    options = parser.parse_args(argv)
    if lab.is_root() and not options.allow_root:
        raise CourseError("A trial hub as root gives each of its students the whole machine: --allow-root")
    asked = options.data or os.environ.get("CONVLAB_DATA")
    settings = Settings(port=options.port, data=Path(asked).absolute() if asked else None, idle=options.idle)
    set_up()
    with running(settings) as hub:
        print(TRIAL.format(url=settings.url, password=settings.password, folder=settings.folder), flush=True)
        return hub.wait()


def set_up() -> None:
    """Make build/hub: the hub's environment from the lock, and its proxy; nothing where both are there."""
    if sys.platform == "win32":
        raise CourseError("JupyterHub does not run on Windows: use Linux, or the development container")
    if not jupyterhub().exists() or _stamp() != LOCK.read_text(encoding="utf-8"):
        print("Installing the hub into build/hub/venv ...", flush=True)
        pip = [FOLDER / "venv" / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "-q"]
        run([sys.executable, "-m", "venv", "--clear", FOLDER / "venv"])
        run([*pip, "install", "--require-hashes", "--no-deps", "-r", LOCK])
        write_text(FOLDER / "venv" / "lock.txt", LOCK.read_text(encoding="utf-8"))
    if proxy() is None:
        if not shutil.which("npm"):
            raise CourseError(
                "The hub's proxy needs Node.js with npm, and found none. Debian, Ubuntu: sudo apt install npm"
            )
        run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", FOLDER / "proxy", PROXY])


def jupyterhub() -> Path:
    """Return where the hub's program is or will be."""
    return FOLDER / "venv" / "bin" / "jupyterhub"


def _stamp() -> str:
    """Return the lock that build/hub/venv was made from; nothing if it is not complete."""
    try:
        return (FOLDER / "venv" / "lock.txt").read_text(encoding="utf-8")
    except OSError:
        return ""


def proxy() -> Path | None:
    """Return the program of the hub's proxy; None if it is missing."""
    own = FOLDER / "proxy" / "node_modules" / ".bin" / "configurable-http-proxy"
    found = own if own.exists() else shutil.which("configurable-http-proxy")
    return Path(found) if found and shutil.which("node") else None


def run(command: list) -> None:
    """Run a command; `CourseError` if it fails."""
    if subprocess.run([str(part) for part in command], check=False).returncode:
        raise CourseError(f"setting up the hub failed, the reason is above: {' '.join(map(str, command))}")


@contextmanager
def running(settings: Settings) -> Iterator[subprocess.Popen]:
    """Start a hub and give its process once it answers; at the end stop it with its proxy and all servers.

    `CourseError` where a folder is missing, a port is in use, or the hub does not start.
    """
    look(settings)
    settings.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.folder.chmod(0o700)  # homes of students, and the secret that signs their cookies
    log = settings.folder / "hub.log"
    with log.open("wb") as file:
        hub = subprocess.Popen(
            [jupyterhub(), "-f", CONFIG],
            cwd=settings.folder,
            env=variables(settings),
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches this process, which then ends the hub in order
        )
    try:
        _wait_until_it_answers(hub, settings, log)
        yield hub
    finally:
        end(hub, settings)


def end(hub: subprocess.Popen, settings: Settings, limit: float = STOP_LIMIT) -> None:
    """Let a hub stop its servers and itself; what is still there after `limit` seconds is killed.

    A hub whose servers are just starting may wait for them, for as long as they may take to start.
    """
    hub.terminate()
    try:
        hub.wait(limit)
    except subprocess.TimeoutExpired:
        hub.kill()
        hub.wait()
    for process in psutil.process_iter():
        try:
            marked = process.environ().get("CONVLAB_HUB_FOLDER") == str(settings.folder)
            if marked and process.pid != os.getpid():
                process.kill()
        except psutil.Error:  # ended, or another user's
            continue


def look(settings: Settings) -> None:
    """Raise `CourseError` where a hub with these settings could not work."""
    if settings.data is not None and not settings.data.is_dir():
        raise CourseError(f"there is no folder of data sets {settings.data}: correct --data or CONVLAB_DATA")
    for port in range(settings.port, settings.port + 3):
        with socket.socket() as place:
            place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                place.bind(("127.0.0.1", port))
            except (OSError, OverflowError) as error:
                raise CourseError(
                    f"port {port} cannot be used ({error}): end what uses it, or choose another: PORT=8100"
                ) from error


def variables(settings: Settings) -> dict[str, str]:
    """Return the variables that jupyterhub_config.py reads, and the hub's other variables."""
    path = os.pathsep.join([str(jupyterhub().parent), os.environ.get("PATH", "")])
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return kept | {
        "PATH": path,
        "CONVLAB_HUB_FOLDER": str(settings.folder),
        "CONVLAB_HUB_PORT": str(settings.port),
        "CONVLAB_HUB_PROXY": str(proxy() or "configurable-http-proxy"),
        "CONVLAB_HUB_PYTHON": sys.executable,
        "CONVLAB_HUB_PASSWORD": settings.password,
        "CONVLAB_HUB_IDLE": str(settings.idle),
        "CONVLAB_DATA": str(settings.data or ""),
    }


def _wait_until_it_answers(hub: subprocess.Popen, settings: Settings, log: Path) -> None:
    """Return once the hub answers through its proxy."""
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline and hub.poll() is None:
        try:
            with urllib.request.urlopen(f"{settings.url}/hub/health", timeout=10):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:]
    raise CourseError("\n    ".join([f"the hub did not start; the end of {log}:", *lines]))
