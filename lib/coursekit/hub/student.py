"""A simulated student: logs in at a hub with a password, runs lessons, writes an answer, leaves, comes back.

It speaks to the hub as a browser does: forms, the contents and kernels of the server's REST interface, and
the kernel's websocket. What it costs is read from /proc, so hub and student are on one Linux machine.
"""

import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import psutil
import requests
import websocket

from coursekit.lessons import CourseError, source, tags

MB = 1e6
LIMIT = 1200  # seconds that one answer may take on a busy machine
SIGN_OF_LIFE = 5  # seconds after which a page that is open asks its server something, as JupyterLab does
ANSWER = ("exercise-diverging", 'my_answer = "D"\nexercises.diverging.check(my_answer)')


@dataclass
class Cost:
    """What a process has used: processor seconds; its largest memory after any cell, in MB."""

    seconds: float = 0
    pss: float = 0
    """shared pages are divided by the processes that share them"""
    private: float = 0
    """pages that no other process has"""
    peak_rss: float = 0
    """the largest resident memory at any time, shared pages in full"""
    longest: float = 0
    """the most processor seconds between two looks: those of one cell"""
    pid: int = 0
    """the process that was looked at last, to which `seconds` belongs"""

    def look(self, process: psutil.Process) -> None:
        """Read the process's figures; memory is kept where it has grown."""
        times, memory = process.cpu_times(), _memory(process.pid)
        seconds = times.user + times.system
        if process.pid == self.pid:
            self.longest = max(self.longest, seconds - self.seconds)
        self.pid, self.seconds = process.pid, seconds
        self.pss = max(self.pss, memory["Pss"])
        self.private = max(self.private, memory["Private_Clean"] + memory["Private_Dirty"])
        self.peak_rss = max(self.peak_rss, memory["VmHWM"])

    def rounded(self) -> dict[str, float]:
        """Return the figures for a record."""
        return {name: round(value, 1) for name, value in vars(self).items() if name != "pid"}


def _memory(pid: int) -> dict[str, float]:
    """Return the sizes that /proc knows of a process, in MB."""
    found: dict[str, float] = {}
    for name in ("smaps_rollup", "status"):
        with open(f"/proc/{pid}/{name}", encoding="utf-8") as file:
            rows = [line.split() for line in file if line.rstrip().endswith("kB")]
        found |= {row[0].rstrip(":"): int(row[1]) * 1024 / MB for row in rows}
    return found


@dataclass
class Student:
    """One student of a class.

    Args:
        url: the hub's address.
        name: under which the student logs in.
        password: of the hub's trial login.
    """

    url: str
    name: str
    password: str
    costs: dict[str, Cost] = field(default_factory=dict)
    session: requests.Session = field(default_factory=requests.Session)

    def log_in(self) -> None:
        """Fill in the login form, then take a token with which a program may ask what this student may."""
        form = self.session.get(f"{self.url}/hub/login", timeout=LIMIT)
        form.raise_for_status()
        filled = {"username": self.name, "password": self.password, "_xsrf": self.session.cookies["_xsrf"]}
        said = self.session.post(f"{self.url}/hub/login?next=%2Fhub%2Fhome", data=filled, timeout=LIMIT)
        if said.status_code != 200 or not said.url.endswith("/hub/home"):
            raise CourseError(f"{self.name} could not log in: {said.status_code} at {said.url}")
        xsrf = next(one.value for one in self.session.cookies if one.name == "_xsrf" and one.path == "/hub/")
        token = self.session.post(
            f"{self.url}/hub/api/users/{self.name}/tokens",
            json={"note": "simulated student"},
            headers={"X-XSRFToken": str(xsrf), "Referer": f"{self.url}/hub/token"},
            timeout=LIMIT,
        )
        token.raise_for_status()
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"token {token.json()['token']}"

    def start_server(self) -> None:
        """Ask the hub for a server, and return once it says that the server is ready."""
        self._ask("POST", f"/hub/api/users/{self.name}/server")
        with self.session.get(
            f"{self.url}/hub/api/users/{self.name}/server/progress", stream=True, timeout=LIMIT
        ) as events:
            said = [
                json.loads(line[5:]) for line in events.iter_lines(decode_unicode=True) if line[:5] == "data:"
            ]
        if not said or not said[-1].get("ready"):
            raise CourseError(f"the server of {self.name} did not start: {said[-1:]}")
        self._look()

    def stop_server(self) -> None:
        """End the server, as the button *Stop My Server* does."""
        self._ask("DELETE", f"/hub/api/users/{self.name}/server")

    def has_server(self) -> bool:
        """Return whether the hub has a server of this student."""
        return bool(self._ask("GET", f"/hub/api/users/{self.name}").get("servers"))

    def open(self, lesson: str) -> dict:
        """Return the student's copy of a lesson."""
        return self._ask("GET", self._place(f"api/contents/my_lessons/{quote(lesson)}.ipynb"))["content"]

    def write(self, lesson: str, cell_id: str, text: str) -> None:
        """Change one cell of a lesson and save it."""
        notebook = self.open(lesson)
        [cell] = [one for one in notebook["cells"] if one.get("id") == cell_id]
        cell["source"] = text
        model = {"type": "notebook", "format": "json", "content": notebook}
        self._ask("PUT", self._place(f"api/contents/my_lessons/{quote(lesson)}.ipynb"), json=model)

    def run(self, lesson: str) -> Cost:
        """Run all cells of a lesson in a kernel of the student's server; end it, and return what it cost.

        `CourseError` where a cell raises an exception.
        """
        notebook, path = self.open(lesson), f"my_lessons/{lesson}.ipynb"
        model = {"path": path, "name": lesson, "type": "notebook", "kernel": {"name": "python3"}}
        before = {process.pid for process in self._processes()}
        opened = self._ask("POST", self._place("api/sessions"), json=model)
        place = self._place(f"api/kernels/{opened['kernel']['id']}/channels")
        channel = websocket.create_connection(
            self.url.replace("http", "ws", 1) + place,
            header=[f"Authorization: {self.session.headers['Authorization']!s}"],
            timeout=LIMIT,
        )
        channel.settimeout(SIGN_OF_LIFE)
        cost = self.costs.setdefault(lesson, Cost())
        try:
            self._execute(channel, "pass")
            [kernel] = [one for one in self._processes() if one.pid not in before]
            cost.look(kernel)
            for cell in notebook["cells"]:
                if cell["cell_type"] == "code" and "skip" not in tags(cell):
                    self._execute(channel, source(cell), f"{lesson}, cell {cell.get('id')}")
                    cost.look(kernel)
        finally:
            channel.close()
        self._look()
        self._ask("DELETE", self._place(f"api/sessions/{opened['id']}"))
        return cost

    def _execute(self, channel: websocket.WebSocket, code: str, what: str = "") -> None:
        """Let a kernel run code, and return when it is idle again."""
        identity = uuid.uuid4().hex
        header = {"msg_id": identity, "msg_type": "execute_request", "version": "5.3"}
        header |= {"username": self.name, "session": identity, "date": ""}
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}}
        content |= {"allow_stdin": False, "stop_on_error": True}
        message: dict[str, Any] = {"header": header, "content": content, "channel": "shell"}
        channel.send(json.dumps(message | {"parent_header": {}, "metadata": {}}))
        begun = time.monotonic()
        missing = {"reply", "idle"}
        while missing:
            said = self._heard(channel)
            if said is None:
                if time.monotonic() - begun > LIMIT:
                    raise CourseError(f"{self.name}: {what} has not ended after {LIMIT} seconds")
                self._ask("GET", self._place("api/sessions"))
            elif said["parent_header"].get("msg_id") == identity:
                kind, content = said["header"]["msg_type"], said["content"]
                if kind == "execute_reply":
                    missing.discard("reply")
                    if content["status"] != "ok":
                        raise CourseError(
                            f"{self.name}: {what}: {content.get('ename')}: {content.get('evalue')}"
                        )
                elif kind == "status" and content["execution_state"] == "idle":
                    missing.discard("idle")

    @staticmethod
    def _heard(channel: websocket.WebSocket) -> dict | None:
        """Return the next message of a kernel; None where it is silent for a while."""
        try:
            return json.loads(channel.recv())
        except websocket.WebSocketTimeoutException:
            return None

    def _look(self) -> None:
        """Read what the student's server has cost so far."""
        self.costs.setdefault("server", Cost()).look(self._server())

    def _server(self) -> psutil.Process:
        """Return the process of the student's server: the one whose parent is not the student's."""
        mine = {process.pid: process for process in self._processes()}
        return next(process for process in mine.values() if process.ppid() not in mine)

    def _processes(self) -> list[psutil.Process]:
        """Return the student's processes, which the hub has marked with the name."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("JUPYTERHUB_USER") == self.name:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def _place(self, path: str) -> str:
        """Return the path of something of the student's server."""
        return f"/user/{self.name}/{path}"

    def _ask(self, method: str, path: str, **options) -> Any:
        """Return what hub or server answers to a request; `CourseError` where it refuses."""
        said = self.session.request(method, self.url + path, timeout=LIMIT, **options)
        if not said.ok:
            raise CourseError(f"{method} {path}: {said.status_code} {said.text[:200]}")
        return said.json() if said.content else {}
