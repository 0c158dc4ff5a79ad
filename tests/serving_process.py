"""The service as `make serve` starts it: a process of its own, to be killed by a test."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import requests


class Process:
    """A service in a process of its own, on a free port: `url`, `password`, `process`.

    Args:
        home: its folder; what it logs is in `log` in there.
        options: of the command line.
        settings: by name, as in uploads=1000.
    """

    def __init__(self, home: Path, *options: str, **settings: object):
        home.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "convlab.serving", "--home", str(home), "--port", "0", *options]
        named = {f"CONVLAB_SERVE_{name.upper()}": str(value) for name, value in settings.items()}
        self.log = home / "log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ | named
            )
        said = ""
        while "/predict" not in said:
            line = self.process.stdout.readline()
            assert line, self.log.read_text(encoding="utf-8")
            said += line
        self.url = re.search(r"http://\S+:\d+", said)[0]
        self.password = re.search(r"password +(\S+)", said)[1] if "password  " in said else ""
        while not self._ready():
            assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
            time.sleep(0.05)

    def _ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/ready", timeout=60).status_code == 200
        except requests.ConnectionError:
            return False

    def workers(self) -> set[int]:
        """Return the numbers of its worker processes."""
        found = set()
        for child in psutil.Process(self.process.pid).children():
            try:
                if "spawn_main" in " ".join(child.cmdline()) and child.status() != psutil.STATUS_ZOMBIE:
                    found.add(child.pid)
            except psutil.NoSuchProcess:
                continue
        return found

    def kill(self) -> None:
        """End it at once, as `kill -9` does."""
        self.process.kill()
        self.end()

    def end(self) -> None:
        """Wait until it has ended. Workers that still run may hold its output open, which is not read on."""
        self.process.wait()
        self.process.stdout.close()

    def terminate(self) -> None:
        """Ask it to end."""
        self.process.send_signal(signal.SIGTERM)

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        """End it, and its workers."""
        if self.process.poll() is None:
            workers = [psutil.Process(pid) for pid in self.workers()]
            self.kill()
            for one in workers:
                one.kill()
