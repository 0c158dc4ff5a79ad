"""Faults while the service runs: what a client sees, and that nothing acknowledged is lost."""

import contextlib
import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count

import jwt.api_jwt
import pytest
import requests
from serving_process import Process
from serving_tools import seven

from convlab.serving.app import UNREACHED
from convlab.serving.local import Local
from convlab.serving.service import BUNDLED
from convlab.serving.settings import Settings

TIMEOUT = 600
PASSWORD = "a long password"
NO_ANSWER = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)  # also half of one
WIDE = {"uploads": 100_000, "logins": 1000, "hashes": 4}
signals = pytest.mark.skipif(os.name == "nt", reason="Windows has neither SIGKILL nor SIGTERM")


def ask(running, method, path, header=None, **more):
    """Return the service's answer."""
    return requests.request(method, running.url + path, headers=header, timeout=TIMEOUT, **more)


def log_in(running, user="admin", password=None):
    """Return the header of a new session."""
    said = ask(running, "POST", "/login", json={"user": user, "password": password or running.password})
    assert said.status_code == 200, said.text
    return {"Authorization": f"Bearer {said.json()['token']}"}


@dataclass
class Acknowledged:
    """What the service has said that it did, and all of its statuses."""

    uploads: list = field(default_factory=list)
    open: dict = field(default_factory=dict)  # user -> header of a session that was not ended
    ended: list = field(default_factory=list)
    statuses: Counter = field(default_factory=Counter)

    def lost(self, running, header) -> list:
        """Return what of it the service no longer knows."""
        there = {row["id"] for row in ask(running, "GET", "/uploads", header).json()}
        lost = [number for number in self.uploads if number not in there]
        lost += [user for user in self.open if ask(running, "GET", "/me", self.open[user]).status_code != 200]
        lost += [user for user in self.open if not log_in(running, user, PASSWORD)]
        return lost + [one for one in self.ended if ask(running, "GET", "/me", one).status_code != 401]


def upload_until(over, running, header, into):
    """Store pictures until `over`; each thread goes on after a connection that broke."""
    while not over.is_set():
        try:
            said = ask(running, "POST", "/uploads", header, files={"image": seven()})
        except NO_ANSWER:
            into.statuses["no answer"] += 1
            continue
        into.statuses[said.status_code] += 1
        if said.status_code == 201:
            into.uploads.append(said.json()["id"])


def make_users_until(over, running, header, into):
    """Add users, log them in, and log every second of them out, until `over`."""
    try:
        for number in count():
            if over.is_set():
                return
            user = {"user": f"user{number}", "password": PASSWORD}
            if ask(running, "POST", "/users", header, json=user).status_code != 201:
                return
            session = log_in(running, **user)
            if number % 2:
                if ask(running, "POST", "/logout", session).status_code == 204:
                    into.ended.append(session)
            else:
                into.open[user["user"]] = session
    except NO_ANSWER:
        into.statuses["no answer"] += 1


def wait_until(true, *threads):
    """Wait until `true()`, as long as the threads run."""
    while not true():
        assert not any(one.done() for one in threads), [one.exception() for one in threads if one.done()]
        time.sleep(0.02)


def half_an_upload(running, header):
    """Return a connection on which the service has the first half of a picture, and the other half."""
    body = seven()
    host, port = running.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=TIMEOUT)
    head = [f"POST /uploads HTTP/1.1\r\nHost: {host}\r\nContent-Type: image/png\r\nExpect: 100-continue"]
    head += [f"Content-Length: {len(body)}", f"Authorization: {header['Authorization']}"]
    connection.sendall(("\r\n".join(head) + "\r\n\r\n").encode())
    assert connection.recv(1000).startswith(b"HTTP/1.1 100")  # it has begun to read the body
    connection.sendall(body[: len(body) // 2])
    return connection, body[len(body) // 2 :]


@signals
def test_nothing_acknowledged_is_lost_when_the_service_is_killed_under_load(tmp_path):
    done, over = Acknowledged(), threading.Event()
    with Process(tmp_path / "home", **WIDE) as running, ThreadPoolExecutor(3) as pool:
        admin = log_in(running)
        assert ask(running, "PUT", "/models", admin, json={"active": "2"}).status_code == 200
        started = [pool.submit(upload_until, over, running, admin, done) for _ in "12"]
        started.append(pool.submit(make_users_until, over, running, admin, done))
        try:
            wait_until(lambda: len(done.uploads) >= 10 and done.open and done.ended, *started)
            user = done.open["user0"]
            connection, _ = half_an_upload(running, user)
            running.kill()
        finally:
            over.set()
    assert set(done.statuses) <= {201, "no answer"}
    assert done.statuses["no answer"] >= 1
    with connection, contextlib.suppress(ConnectionError):
        assert connection.recv(1000) == b""  # closed without an answer
    with Local(Settings(**WIDE), home=tmp_path / "home") as again:  # with the same folder
        assert again.password == ""
        assert done.lost(again, admin) == []
        assert ask(again, "GET", "/uploads", user).json() == []  # nothing of half an upload
        assert ask(again, "GET", "/models", admin).json()["active"] == "2"
        for row in ask(again, "GET", "/uploads", admin).json():  # those too whose client got no answer
            assert ask(again, "GET", f"/uploads/{row['id']}", admin).content.endswith(b"IEND\xaeB`\x82")
        done.uploads.append("0" * 32)  # the planted fault: one that was never stored
        assert done.lost(again, admin) == ["0" * 32]


@signals
def test_a_worker_that_is_killed_is_replaced_and_costs_no_more_than_what_it_was_doing(tmp_path):
    done, over, clients = Acknowledged(), threading.Event(), 3
    with Process(tmp_path / "home", "--workers", "2", **WIDE) as running, ThreadPoolExecutor(clients) as pool:
        admin = log_in(running)
        before = running.workers()
        assert len(before) == 2
        started = [pool.submit(upload_until, over, running, admin, done) for _ in range(clients)]
        try:
            wait_until(lambda: len(done.uploads) >= 10, *started)
            os.kill(min(before), signal.SIGKILL)
            wait_until(lambda: len(running.workers() - {min(before)}) == 2, *started)
            reached = len(done.uploads)
            wait_until(lambda: len(done.uploads) >= reached + 10, *started)
        finally:
            over.set()
        assert [one.exception() for one in started] == [None] * clients
        assert set(done.statuses) <= {201, "no answer"}
        assert done.statuses["no answer"] <= clients  # each client asks one thing at a time
        assert done.lost(running, admin) == []


@signals
def test_a_restart_during_an_upload_answers_it_first(tmp_path):
    patient = WIDE | {"body_seconds": TIMEOUT, "stop_seconds": TIMEOUT}
    with Process(tmp_path / "home", **patient) as running:
        admin = log_in(running)
        connection, rest = half_an_upload(running, admin)
        running.terminate()
        with pytest.raises(requests.ConnectionError):  # nobody new is let in
            while True:
                ask(running, "GET", "/health")
        connection.sendall(rest)
        said = b""
        while part := connection.recv(65536):
            said += part
        assert said.startswith(b"HTTP/1.1 201"), said
        running.end()
        number = said.partition(b'"id":"')[2][:32].decode()
    with Local(Settings(**WIDE), home=tmp_path / "home") as running:
        assert [row["id"] for row in ask(running, "GET", "/uploads", admin).json()] == [number]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux limits another process's files")
def test_a_disk_that_is_full_stores_nothing_says_so_and_goes_on_when_there_is_room(tmp_path):
    import resource

    with Process(tmp_path / "home", **WIDE) as running:
        admin = log_in(running)
        stored = ask(running, "POST", "/uploads", admin, files={"image": seven()}).json()["id"]
        pid, limits = running.process.pid, resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, limits[1]))  # no file may grow
        body = {"user": "admin", "password": running.password}
        for path, more in (("/uploads", {"files": {"image": seven()}}), ("/login", {"json": body})):
            said = ask(running, "POST", path, admin, **more)
            assert said.status_code == 503, said.text
            assert said.json()["detail"] == UNREACHED
            assert int(said.headers["Retry-After"]) >= 1
        assert ask(running, "GET", "/health").status_code == 200
        assert ask(running, "POST", "/predict", admin, files={"image": seven()}).json()["label"] == 7
        assert [row["id"] for row in ask(running, "GET", "/uploads", admin).json()] == [stored]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
        second = ask(running, "POST", "/uploads", admin, files={"image": seven()}).json()["id"]
        assert {row["id"] for row in ask(running, "GET", "/uploads", admin).json()} == {stored, second}
        assert log_in(running)


def test_a_service_whose_model_is_torn_is_not_ready_and_is_once_the_file_is_whole(tmp_path):
    models = tmp_path / "models"
    models.mkdir()
    for name in ("1.json", "1.onnx"):
        shutil.copy(BUNDLED / name, models)
    whole = (models / "1.onnx").read_bytes()
    (models / "1.onnx").write_bytes(whole[:-1])
    with Local(replace(Settings(), models=str(models))) as running:
        admin = running.log_in()
        picture = {"files": {"image": seven()}}
        for said in (ask(running, "GET", "/ready"), ask(running, "POST", "/predict", admin, **picture)):
            assert (said.status_code, said.json()["detail"]) == (503, "No model is ready.")
            assert int(said.headers["Retry-After"]) >= 1
        assert ask(running, "GET", "/health").status_code == 200
        (models / "1.onnx").write_bytes(whole)
        while ask(running, "GET", "/ready").status_code != 200:
            time.sleep(0.1)
        assert ask(running, "POST", "/predict", admin, **picture).json()["label"] == 7
        for replaced in (b"another network", None):  # under a service that has read it
            (models / "1.onnx").unlink() if replaced is None else (models / "1.onnx").write_bytes(replaced)
            assert ask(running, "POST", "/predict", admin, **picture).json()["label"] == 7
        said = ask(running, "PUT", "/models", admin, json={"active": "1", "canary": "2", "share": 0.5})
        assert said.status_code == 409


class Clock:
    """The time of day, for the service and for PyJWT, `ahead` of the real one."""

    def __init__(self, monkeypatch):
        clock, self.ahead = self, timedelta()

        class Moved(datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.now(tz) + clock.ahead

        for module in ("accounts", "tokens", "service"):
            monkeypatch.setattr(f"convlab.serving.{module}.now", lambda: Moved.now().timestamp())
        monkeypatch.setattr(jwt.api_jwt, "datetime", Moved)


def test_a_clock_that_is_moved_costs_a_login_at_most(monkeypatch):
    clock = Clock(monkeypatch)
    with Local(Settings(logins=1000, session_check_seconds=0)) as running:

        def tokens():
            body = {"user": "admin", "password": running.password}
            return ask(running, "POST", "/login", json=body).json()

        def me(header):
            said = ask(running, "GET", "/me", header)
            return said.status_code, said.json().get("detail")

        first = tokens()
        header = {"Authorization": f"Bearer {first['token']}"}
        stored = ask(running, "POST", "/uploads", header, files={"image": seven()}).json()["id"]
        clock.ahead = timedelta(minutes=20)
        assert me(header) == (401, "The token has expired. Log in again.")
        second = ask(running, "POST", "/refresh", json={"refresh": first["refresh"]}).json()
        later = {"Authorization": f"Bearer {second['token']}"}
        assert me(later) == (200, None)
        clock.ahead = timedelta()  # set back: the token comes from the future
        assert me(later) == (401, "The token is not valid. Log in again.")
        assert me(header) == (200, None)
        clock.ahead = timedelta(hours=13)
        said = ask(running, "POST", "/refresh", json={"refresh": second["refresh"]})
        assert (said.status_code, said.json()["detail"]) == (401, "The session has ended. Log in again.")
        for hours in (13, 0):
            clock.ahead = timedelta(hours=hours)
            header = {"Authorization": f"Bearer {tokens()['token']}"}
            assert me(header) == (200, None)
            assert [row["id"] for row in ask(running, "GET", "/uploads", header).json()] == [stored]
