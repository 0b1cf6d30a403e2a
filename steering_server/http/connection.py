"""A connection that does not wait for ever: requests that do not arrive, answers not taken."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["Connection"]


class Connection(H11Protocol):
    """HTTP/1.1 by uvicorn, with two limits of its own, in seconds.

    `arrival`: a request has so long from its first byte (the first one: from the connection) to
    its last; then it is answered 408 and the connection is closed. What is sent on after an early
    answer has as long. `stall`: a client that takes nothing of its answer for so long is cut off.
    Between requests uvicorn's own keep-alive timeout holds.
    """

    arrival = 30.0
    stall = 120.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._arriving: asyncio.TimerHandle | None = None
        self._stalling: asyncio.TimerHandle | None = None

    @classmethod
    def within(cls, arrival: float, stall: float) -> "type[Connection]":
        """A class of connections with these limits."""
        return type("Connection", (cls,), {"arrival": arrival, "stall": stall})

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch_arrival()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch_arrival()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch_arrival()

    def shutdown(self) -> None:
        """End at once what has not wholly arrived: nothing of it is under way."""
        if self._arrived:
            super().shutdown()
        else:
            self._refuse(503, b"the server is stopping")

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalling = self.loop.call_later(self.stall, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stalling is not None:
            self._stalling.cancel()
            self._stalling = None

    @property
    def _arrived(self) -> bool:
        """Whether nothing of a request is still to come: it is there, or none has begun."""
        if self.conn.their_state is h11.IDLE:
            begun = self.cycle is None or bool(self.conn.trailing_data[0])
            return not begun
        return self.conn.their_state is not h11.SEND_BODY

    def _watch_arrival(self) -> None:
        """Start the clock where a request is to come, and stop it where it has come."""
        if self.transport.is_closing() or self._arrived:
            if self._arriving is not None:
                self._arriving.cancel()
                self._arriving = None
        elif self._arriving is None:
            self._arriving = self.loop.call_later(self.arrival, self._too_late)

    def _too_late(self) -> None:
        self._refuse(408, f"the request did not arrive within {self.arrival:g} s".encode())

    def _refuse(self, status: int, reason: bytes) -> None:
        """Answer with an error where no answer has begun, tell the application, and close."""
        if not self.transport.is_closing():
            if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE) and self._begun:
                headers = [(b"content-type", b"text/plain"), (b"connection", b"close")]
                response = h11.Response(status_code=status, headers=headers)
                for event in (response, h11.Data(data=reason), h11.EndOfMessage()):
                    self.transport.write(self.conn.send(event) or b"")
            self.transport.close()
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    @property
    def _begun(self) -> bool:
        """Whether there is a request to answer: some of it has come."""
        return self.conn.their_state is not h11.IDLE or bool(self.conn.trailing_data[0])

    def _forget(self) -> None:
        for timer in (self._arriving, self._stalling):
            if timer is not None:
                timer.cancel()
        self._arriving = self._stalling = None
