"""The service of lesson 26: a trained network behind REST with a login. Needs the extra `[serving]`.

`python -m convlab.serving` (`make serve`) starts it. `pictures` reads what was uploaded, `models` answers,
`batching` puts requests together, `accounts` and `tokens` know who asks, `app` joins them. Each module of
this package imports only what it needs: `limits` and `settings` the standard library alone.
"""

__all__ = ["MISSING", "missing"]

from importlib.util import find_spec

_NEEDED = (
    "fastapi",
    "uvicorn",
    "argon2",
    "jwt",
    "sqlalchemy",
    "onnxruntime",
    "prometheus_client",
    "multipart",
    "fastapi_offline",
)
"""What the extra `[serving]` installs, by the names that Python imports."""

MISSING = (
    "The service needs packages that are not installed: {}. "
    "Install them in the course's folder: python -m pip install -r requirements.txt"
)


def missing() -> list[str]:
    """Return the names of the packages that the service needs and this Python does not have.

    >>> isinstance(missing(), list)
    True
    """
    return [name for name in _NEEDED if find_spec(name) is None]
