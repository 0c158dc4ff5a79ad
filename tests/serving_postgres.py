"""A PostgreSQL of the test's own: Debian's programs, a temporary folder, a socket of Unix, no port."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

ABSENT = "PostgreSQL is not installed (Debian, Ubuntu: sudo apt install postgresql): {} is missing."
PASSWORD = "postgres-of-a-test"


def program(name: str) -> Path | None:
    """Return where a program of PostgreSQL is: in PATH, or where Debian puts those of its newest version."""
    if found := shutil.which(name):
        return Path(found)
    versions = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    return max(versions, key=lambda path: float(path.parts[-3]), default=None)


def open_to_all(folder: str) -> bool:
    """Return whether each user may enter this folder."""
    path = Path(folder).resolve()
    return path.is_dir() and all(one.stat().st_mode & 0o001 for one in (path, *path.parents))


class Postgres:
    """A database server for one test module. `url` is what the service is given.

    PostgreSQL refuses to run as root, so that root runs it as the user that Debian has made for it, or else
    as nobody. It listens at a socket in its own folder, and asks for a password.
    """

    def __init__(self):
        for name in ("initdb", "postgres"):
            if program(name) is None:
                pytest.skip(ABSENT.format(name))
        self.who: dict = {}
        folder = tempfile.gettempdir()
        if os.geteuid() == 0:
            names = {entry.pw_name for entry in pwd.getpwall()}
            name = "postgres" if "postgres" in names else "nobody"
            entry = pwd.getpwnam(name)
            self.who = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
            folder = next(filter(open_to_all, (folder, "/var/tmp", "/dev/shm")), folder)
        self.folder = Path(tempfile.mkdtemp(prefix="pg", dir=folder))  # a socket's path: 107 bytes at most
        if self.who:
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
        self.process: subprocess.Popen | None = None
        self.url = f"postgresql+psycopg://service:{PASSWORD}@/postgres?host={self.folder}"
        self._make()

    def _make(self) -> None:
        password = self.folder / "password"
        password.write_text(PASSWORD, encoding="utf-8")
        password.chmod(0o644)
        options = ["--username=service", f"--pwfile={password}", "--auth=scram-sha-256"]
        options += ["--encoding=UTF8", "--no-locale", "--no-sync"]
        said = self._run("initdb", "-D", self.folder / "data", *options)
        if said.returncode:
            self.remove()
            pytest.skip(f"PostgreSQL cannot make a database here: {said.stderr.strip()[-300:]}")

    def _run(self, name: str, *arguments: object) -> subprocess.CompletedProcess:
        command = [program(name), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, cwd=self.folder, **self.who)

    def start(self) -> None:
        """Start, and return once it takes connections."""
        import psycopg

        log = (self.folder / "log").open("ab")
        options = ["-D", self.folder / "data", "-k", self.folder, "-c", "listen_addresses="]
        command = [str(part) for part in (program("postgres"), *options, "-c", "max_connections=40")]
        self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, **self.who)
        log.close()
        while True:
            try:
                psycopg.connect(self.url.replace("+psycopg", "")).close()
                return
            except psycopg.OperationalError:
                ended = self.process.poll()
                assert ended is None, (self.folder / "log").read_text(encoding="utf-8")[-2000:]
                time.sleep(0.05)

    def kill(self) -> None:
        """End it as a failure of power does, without a word to its clients: SIGKILL to all its processes."""
        import psutil

        assert self.process is not None
        parts = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()  # first, or it would restart the others
        self.process.wait()
        for part in parts:
            with contextlib.suppress(psutil.NoSuchProcess):
                part.kill()
        psutil.wait_procs(parts)
        self.process = None

    def stop(self) -> None:
        """End it: connections are cut, what is stored is on the disk."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait()
            self.process = None

    def remove(self) -> None:
        """End it, and remove its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
