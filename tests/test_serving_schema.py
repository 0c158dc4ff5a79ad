"""What the service's own description allows, and what it does not: no request makes it fail with 5xx.

schemathesis makes the requests, the same each time; CONVLAB_EXAMPLES says how many in all (200; `make audit`:
2,000).
"""

import os

import pytest
import serving_tools  # noqa: F401  (it skips without the extra)
from argon2 import PasswordHasher
from hypothesis import HealthCheck, given, seed, settings

from convlab.serving.errors import Refused
from convlab.serving.local import Local
from convlab.serving.settings import Settings

schemathesis = pytest.importorskip("schemathesis", reason="pip install schemathesis")
checks = pytest.importorskip("schemathesis.specs.openapi.checks")

EXAMPLES = int(os.environ.get("CONVLAB_EXAMPLES", "200"))
POSITIVE, NEGATIVE = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
OPERATIONS = [
    ("POST", "/login"),
    ("POST", "/refresh"),
    ("POST", "/logout"),
    ("GET", "/me"),
    ("POST", "/password"),
    ("GET", "/users"),
    ("POST", "/users"),
    ("DELETE", "/users/{name}"),
    ("POST", "/predict"),
    ("POST", "/uploads"),
    ("GET", "/uploads"),
    ("GET", "/uploads/{number}"),
    ("DELETE", "/uploads/{number}"),
    ("GET", "/health"),
    ("GET", "/ready"),
    ("GET", "/models"),
    ("PUT", "/models"),
    ("GET", "/metrics"),
]
FIXED = {"/logout", "/me", "/health", "/ready", "/metrics"}
"""Addresses that take nothing but a token: one example says all."""


@pytest.fixture(scope="module")
def running():
    """A service whose limits on how often are out of the way."""
    with Local(Settings(logins=10**6, rate=1e6, burst=10**6)) as service:
        service.service.accounts.hasher = PasswordHasher(1, 8, 1)  # what a password costs is tested elsewhere
        yield service


@pytest.fixture(scope="module")
def admin(running):
    """Return the administrator's header."""
    return running.log_in()


@pytest.fixture(scope="module")
def described(running):
    """Return its description as schemathesis reads it."""
    return schemathesis.openapi.from_url(f"{running.url}/openapi.json")


def test_each_operation_that_is_described_is_tried(described):
    found = {(one.ok().method.upper(), one.ok().path) for one in described.get_all_operations()}
    assert found == set(OPERATIONS)


def examples(path: str) -> int:
    """Return how many requests are made at an address, with each kind of data."""
    rest = sum(address not in FIXED for _, address in OPERATIONS)
    return 1 if path in FIXED else max(1, round(EXAMPLES / rest / 2))


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("mode", [POSITIVE, NEGATIVE], ids=["fits", "does not"])
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[" ".join(one) for one in OPERATIONS])
def test_no_request_makes_the_service_fail_and_each_answer_is_described(
    method, path, mode, running, admin, described
):
    operation = described[path][method]
    if path in FIXED and mode is NEGATIVE:
        pytest.skip("it takes nothing that could be wrong")
    header = running.log_in() if path == "/logout" else admin

    @seed(0)
    @settings(
        max_examples=examples(path), derandomize=False, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case):
        case.call_and_validate(headers=header, checks=CHECKS, timeout=600)

    ask()


def test_fault_an_answer_that_is_not_described_is_found(running, admin, described, monkeypatch):
    from schemathesis.core.failures import FailureGroup

    def fails():
        raise RuntimeError

    def teapot():
        raise Refused(418, "I'm a teapot.")

    monkeypatch.setattr(running.service.accounts, "users", fails)
    case = described["/users"]["GET"].Case()
    with pytest.raises(FailureGroup, match="Server error"):
        case.call_and_validate(headers=admin, checks=CHECKS, timeout=600)
    monkeypatch.setattr(running.service.accounts, "users", teapot)
    with pytest.raises(FailureGroup, match="Received: 418"):
        case.call_and_validate(headers=admin, checks=CHECKS, timeout=600)
