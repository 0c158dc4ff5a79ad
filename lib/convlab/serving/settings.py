"""What the operator of the service may set, with defaults for a small machine. The standard library alone."""

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

from convlab import DATA_FOLDER

PREFIX = "CONVLAB_SERVE_"


@dataclass(frozen=True)
class Settings:
    """The settings of one service. Each is also read from the environment: CONVLAB_SERVE_TOKEN_SECONDS=600.

    Args:
        home: folder of the database, the keys and the models; only the service may read it.
        database: URL for SQLAlchemy; empty for a file of SQLite in `home`.
        models: folder of the models, `<version>.onnx` and `<version>.json`; empty for `home`/models.
        keys: file of the keys that sign tokens, the same for all machines; empty for keys.json in `home`.
        proxies: addresses or networks, with commas, of proxies whose X-Forwarded-For is believed.
        token_seconds: life of a token; a stolen one works no longer.
        session_seconds: life of a session, however often it is refreshed.
        session_check_seconds: how long a process may trust what the database said of a session.
        body_bytes: largest upload.
        body_seconds: time in which a request must have arrived, head and body.
        memory_bytes: bodies that may be in memory at once, together.
        pixels: largest number of pixels of a picture.
        side: longest side of a picture.
        logins: passwords that one account or address may try at once; one more every `login_seconds`.
        login_seconds: see `logins`.
        hashes: passwords that are computed at once: each takes 64 MiB of memory.
        rate: predictions a second that one user may ask for, on average.
        burst: predictions that one user may ask for at once.
        batch: largest number of pictures in one forward pass.
        waiting: pictures that may wait for a forward pass; more are refused with 503.
        patience: seconds that a picture may wait; it is refused with 503 then.
        uploads: pictures that one user may store.
        connections: connections and requests that one process takes at once.
        threads: threads of one forward pass.
        stop_seconds: time in which requests that have begun are answered when the service is asked to end.
    """

    home: Path = Path("service")
    database: str = ""
    models: str = ""
    keys: str = ""
    proxies: str = ""
    token_seconds: int = 900
    session_seconds: int = 12 * 3600
    session_check_seconds: float = 1.0
    body_bytes: int = 5_000_000
    body_seconds: float = 10.0
    memory_bytes: int = 200_000_000
    pixels: int = 16_000_000
    side: int = 10_000
    logins: int = 10
    login_seconds: float = 6.0
    hashes: int = 2
    rate: float = 1000.0
    burst: int = 2000
    batch: int = 64
    waiting: int = 256
    patience: float = 2.0
    uploads: int = 200
    connections: int = 1000
    threads: int = 1
    stop_seconds: int = 20

    @property
    def url(self) -> str:
        """The database's URL."""
        return self.database or f"sqlite:///{self.home.resolve() / 'service.db'}"

    @property
    def key_file(self) -> Path:
        """The file of the keys that sign tokens."""
        return Path(self.keys) if self.keys else self.home / "keys.json"

    @property
    def model_folder(self) -> Path:
        """The folder of the models."""
        return Path(self.models) if self.models else self.home / "models"

    @classmethod
    def from_environment(cls) -> Self:
        """Return the settings that the environment names, defaults for the others.

        ValueError names the variable whose text is no number.
        """
        values: dict[str, object] = {"home": DATA_FOLDER.parent / "service"}
        for field in fields(cls):
            name = PREFIX + field.name.upper()
            if (text := os.environ.get(name)) is None:
                continue
            kind: Any = type(field.default)
            try:
                values[field.name] = Path(text) if issubclass(kind, Path) else kind(text)
            except ValueError:
                raise ValueError(f"{name} is {text!r}, which is no {kind.__name__}") from None
        return cls(**values)  # type: ignore[arg-type]
