"""The service on PostgreSQL: the same answers as on SQLite, and a database that is gone and comes back."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from argon2 import PasswordHasher
from serving_tools import seven

if os.name == "nt":
    pytest.skip("the test starts PostgreSQL as Debian installs it", allow_module_level=True)

from serving_postgres import Postgres

from convlab.serving import service, tokens
from convlab.serving.app import UNREACHED
from convlab.serving.database import engine
from convlab.serving.local import Local
from convlab.serving.settings import Settings

TIMEOUT = 60
PASSWORD = "a long password"


@pytest.fixture(scope="module")
def postgres():
    """A database server for this module."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def empty(postgres):
    """The URL of a database in which nothing is."""
    import psycopg

    with psycopg.connect(postgres.url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return postgres.url


@pytest.fixture
def running(empty):
    """A service that has this database."""
    with Local(Settings(database=empty, logins=1000, session_check_seconds=0)) as local:
        local.service.accounts.hasher = PasswordHasher(1, 8, 1)  # what a password costs is tested elsewhere
        yield local


def ask(running, method, path, header=None, **more):
    """Return the service's answer."""
    return requests.request(method, running.url + path, headers=header, timeout=TIMEOUT, **more)


def test_accounts_pictures_and_models_work_on_postgresql(running):
    admin = running.log_in()
    for name, status in (("ada", 201), ("bob", 201), ("ada", 409)):
        said = ask(running, "POST", "/users", admin, json={"user": name, "password": PASSWORD})
        assert said.status_code == status, said.text
    ada, bob = running.log_in("ada", PASSWORD), running.log_in("bob", PASSWORD)
    assert ask(running, "POST", "/predict", ada, files={"image": seven()}).json()["label"] == 7
    stored = ask(running, "POST", "/uploads", ada, files={"image": seven()})
    assert stored.status_code == 201, stored.text
    number = stored.json()["id"]
    assert ask(running, "GET", f"/uploads/{number}", ada).content.startswith(b"\x89PNG")
    assert ask(running, "GET", f"/uploads/{number}", bob).status_code == 404
    assert [row["id"] for row in ask(running, "GET", "/uploads", ada).json()] == [number]
    assert ask(running, "PUT", "/models", admin, json={"active": "2"}).json()["active"] == "2"
    assert ask(running, "POST", "/logout", bob).status_code == 204
    assert ask(running, "GET", "/me", bob).status_code == 401
    assert ask(running, "DELETE", "/users/ada", admin).status_code == 204  # with sessions and pictures
    assert ask(running, "GET", "/me", ada).status_code == 401
    assert ask(running, "DELETE", "/users/admin", admin).status_code == 409


def test_a_zero_byte_which_postgresql_stores_nowhere_is_refused_as_on_sqlite(running):
    admin = running.log_in()
    for method, path, body, status in (
        ("POST", "/login", {"user": "admin\0", "password": "x"}, 401),
        ("POST", "/refresh", {"refresh": "a\0.b"}, 401),
        ("POST", "/users", {"user": "a\0", "password": PASSWORD}, 422),
        ("DELETE", "/users/a%00", None, 404),
        ("GET", "/uploads/%00", None, 404),
        ("DELETE", "/uploads/%00", None, 404),
        ("PUT", "/models", {"active": "1\0"}, 409),
    ):
        assert ask(running, method, path, admin, json=body).status_code == status, (method, path)


def test_uploads_that_come_at_once_do_not_exceed_what_one_user_may_store(empty):
    with Local(Settings(database=empty, uploads=2)) as local:
        header, at_once = local.log_in(), threading.Barrier(6)

        def store(_):
            at_once.wait()
            return ask(local, "POST", "/uploads", header, files={"image": seven()}).status_code

        with ThreadPoolExecutor(6) as pool:
            assert sorted(pool.map(store, range(6))) == [201] * 2 + [409] * 4


def test_two_administrators_who_remove_each_other_at_once_leave_one(running):
    admin = running.log_in()
    body = {"user": "eve", "password": PASSWORD, "role": "admin"}
    assert ask(running, "POST", "/users", admin, json=body).status_code == 201
    eve, at_once = running.log_in("eve", PASSWORD), threading.Barrier(2)

    def remove(pair):
        at_once.wait()
        return ask(running, "DELETE", f"/users/{pair[0]}", pair[1]).status_code

    with ThreadPoolExecutor(2) as pool:
        statuses = set(pool.map(remove, [("eve", admin), ("admin", eve)]))
    assert 204 in statuses and statuses & {401, 403, 409}


def test_of_two_who_use_one_refresh_token_at_once_one_gets_the_next(running):
    body = {"user": "admin", "password": running.password}
    for _ in range(5):
        first = ask(running, "POST", "/login", json=body).json()
        at_once = threading.Barrier(2)

        def use(_, token=first["refresh"], at_once=at_once):
            at_once.wait()
            return ask(running, "POST", "/refresh", json={"refresh": token}).status_code

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(use, range(2))) == [200, 401]


def test_a_new_key_logs_nobody_out_and_two_new_keys_do(running):
    keys = tokens.Keys(running.settings.home / "keys.json")
    header = running.log_in()
    keys.rotate()
    assert ask(running, "GET", "/me", header).status_code == 200
    keys.rotate()
    assert ask(running, "GET", "/me", header).status_code == 401
    assert ask(running, "GET", "/me", running.log_in()).status_code == 200


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_while_the_database_is_gone_clients_get_503_and_what_was_acknowledged_is_there_when_it_is_back(
    end, running, postgres
):
    header = running.log_in()
    stored = [ask(running, "POST", "/uploads", header, files={"image": seven()}).json()["id"] for _ in "12"]
    getattr(postgres, end)()
    try:
        for method, path, more in (
            ("POST", "/login", {"json": {"user": "admin", "password": running.password}}),
            ("POST", "/uploads", {"files": {"image": seven()}}),
            ("GET", "/uploads", {}),
            ("POST", "/logout", {}),
            ("GET", "/ready", {}),
        ):
            said = ask(running, method, path, header, **more)
            assert (said.status_code, said.json()["detail"]) == (503, UNREACHED), (path, said.text)
            assert int(said.headers["Retry-After"]) >= 1
        assert ask(running, "GET", "/health").status_code == 200  # a restart would not help
    finally:
        postgres.start()
    assert ask(running, "GET", "/ready").status_code == 200
    assert sorted(row["id"] for row in ask(running, "GET", "/uploads", header).json()) == sorted(stored)
    assert ask(running, "POST", "/uploads", header, files={"image": seven()}).status_code == 201


def test_what_was_acknowledged_under_load_survives_a_database_that_is_killed(running, postgres):
    admin = running.log_in()
    acknowledged, statuses = [], set()
    enough, refused, over = (threading.Event() for _ in range(3))

    def upload(_):
        while not over.is_set():
            said = ask(running, "POST", "/uploads", admin, files={"image": seven()})
            statuses.add(said.status_code)
            if said.status_code == 201:
                acknowledged.append(said.json()["id"])
            if said.status_code == 503:
                refused.set()
            if len(acknowledged) >= 20:
                enough.set()

    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(upload, n) for n in range(3)]
        try:
            assert enough.wait(TIMEOUT)
            postgres.kill()
            assert refused.wait(TIMEOUT)
        finally:
            over.set()
            postgres.start()
    assert [one.exception() for one in asking] == [None] * 3
    assert statuses == {201, 503}
    found = {row["id"] for row in ask(running, "GET", "/uploads", admin).json()}
    assert set(acknowledged) <= found
    for number in found:  # those too whose client got no answer
        assert ask(running, "GET", f"/uploads/{number}", admin).content.startswith(b"\x89PNG")


def test_several_that_start_for_the_first_time_at_once_make_one_administrator(empty, tmp_path, monkeypatch):
    together = threading.Barrier(3)

    def connected(url):
        made = engine(url)
        with made.connect():  # all have looked before one has made anything
            together.wait()
        return made

    monkeypatch.setattr(service, "engine", connected)
    with ThreadPoolExecutor(3) as pool:
        homes = [Settings(home=tmp_path / str(n), database=empty) for n in range(3)]
        passwords = list(pool.map(service.prepare, homes))
    assert sorted(password is None for password in passwords) == [False, True, True]
