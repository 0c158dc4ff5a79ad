"""A connection must send the head of a request and read its answer in time; uvicorn alone waits for ever."""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class PunctualProtocol(H11Protocol):
    """uvicorn's protocol, with a limit on the time that a head may take, and an answer's reader: `seconds`.

    A client that opens connections and sends one byte of a header now and then ("Slowloris") loses each of
    them after that time. So does one that asks for much and reads nothing ("slow read"): an answer that waits
    for its reader must go on within that time. Bodies have their own limit in `protection.Protection`.
    """

    seconds = 10.0
    late: asyncio.TimerHandle | None = None
    unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to count when the connection opens."""
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Count from the first byte of the next head."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self._expect()
        else:
            self._stop()

    def pause_writing(self) -> None:
        """Count while an answer waits for its reader."""
        super().pause_writing()
        self._wait_for_reader()

    def resume_writing(self) -> None:
        """Stop to count: the reader has taken some."""
        super().resume_writing()
        if self.unread is not None:
            self.unread.cancel()
            self.unread = None

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that asks nothing; its last answer must have been read in time, too."""
        super().timeout_keep_alive_handler()
        self._wait_for_reader()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop to count."""
        self._stop()
        if self.unread is not None:
            self.unread.cancel()
        super().connection_lost(exc)

    def _wait_for_reader(self) -> None:
        if self.unread is None:
            self.unread = self.loop.call_later(self.seconds, self.transport.abort)

    def _expect(self) -> None:
        if self.late is None:
            self.late = self.loop.call_later(self.seconds, self.transport.close)

    def _stop(self) -> None:
        if self.late is not None:
            self.late.cancel()
            self.late = None
