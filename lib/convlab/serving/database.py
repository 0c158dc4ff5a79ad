"""Tables of the service: people, their sessions and pictures. SQLite by default, PostgreSQL by its URL."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, create_engine, event, func, select
from sqlalchemy.engine import Engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

LOCK = 0x636F6E76  # any number: PostgreSQL knows a lock by it


class Base(DeclarativeBase):
    """All tables."""


class User(Base):
    """Somebody who may log in. Of a password only its argon2 hash is stored."""

    __tablename__ = "users"
    __table_args__ = ({"sqlite_autoincrement": True},)  # no number of a removed user is used again
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    password: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(16))


Index("users_lower", func.lower(User.name), unique=True)  # ada and Ada would be taken for each other


class Session(Base):
    """From a login until its end. `refresh` is the digest of the one refresh token that still works."""

    __tablename__ = "sessions"
    id: Mapped[str] = mapped_column(String(43), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    refresh: Mapped[str] = mapped_column(String(64))
    expires: Mapped[float]
    ended: Mapped[bool] = mapped_column(default=False)


class Upload(Base):
    """A picture that its owner asked us to store, with what the network said of it."""

    __tablename__ = "uploads"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created: Mapped[float]
    picture: Mapped[bytes] = mapped_column(LargeBinary)
    label: Mapped[str] = mapped_column(String(64))
    confidence: Mapped[float]
    model: Mapped[str] = mapped_column(String(40))


class Setting(Base):
    """What all processes share: which models answer."""

    __tablename__ = "settings"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(String(200))


def engine(url: str) -> Engine:
    """Return an engine for the database of that URL.

    SQLite writes ahead and waits for the disk before it says that something is stored. A connection is tried
    before it is used, so that a database that was away and has come back is used again.
    """
    if url.startswith("sqlite"):
        made = create_engine(url, connect_args={"timeout": 10})
        event.listen(made, "connect", _prepare_sqlite)
        return made
    return create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=10, pool_timeout=5)


def _prepare_sqlite(connection, _record) -> None:
    """Set what SQLite does not do by itself."""
    for setting in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {setting}")


@contextmanager
def alone(database: Engine) -> Iterator[None]:
    """Let one of several processes that share a PostgreSQL do something, the others after it.

    A database of SQLite belongs to one machine, where one process prepares it.
    """
    with database.begin() as connection:
        if database.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
        yield


def now() -> float:
    """Return seconds since 1970."""
    return datetime.now(UTC).timestamp()
