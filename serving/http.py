"""HTTP as the service speaks it: the parser of Node.js, with heads of bounded size.

A request takes less processor time with it than with the parser in Python that bounds heads itself.
"""

import asyncio
from enum import Enum, auto
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_INVALID = "Invalid HTTP request received."  # as of any other head that cannot be read


class _TooLargeError(Exception):
    """Ends the parsing of a head that is too large."""


class _Place(Enum):
    """Where in a request the bytes have ended so far."""

    BETWEEN = auto()
    HEAD = auto()
    BODY = auto()


def protocol_of(most_head_bytes: int) -> type[asyncio.Protocol]:
    """The protocol of a connection; answers 400 to a larger head, and closes."""
    return type("BoundedProtocol", (_BoundedProtocol,), {"most_head_bytes": most_head_bytes})


class _BoundedProtocol(HttpToolsProtocol):
    most_head_bytes: int

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._place = _Place.BETWEEN
        self._begun = 0  # requests that began in one piece of data
        self._parsed = 0  # bytes of the lines of a head
        self._received = 0  # bytes of a head that has not ended, lines or not

    def data_received(self, data: bytes) -> None:
        """Read what has come; a line that does not end is bounded by its bytes alone."""
        before, self._begun = self._place, 0
        super().data_received(data)
        if self._place is not _Place.HEAD or self.transport.is_closing():
            return
        # A head that begins behind another request is counted from the next piece on.
        only = self._begun == 1 if before is _Place.BETWEEN else self._begun == 0
        if only:
            self._received += len(data)
        if self._received > self.most_head_bytes:
            self.send_400_response(_INVALID)

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._place = _Place.HEAD
        self._begun += 1
        self._parsed = self._received = 0

    def on_url(self, url: bytes) -> None:
        """A part of the address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A line of the head."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head has ended."""
        self._place = _Place.BODY
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request has ended."""
        self._place = _Place.BETWEEN
        super().on_message_complete()

    def _count(self, size: int) -> None:
        self._parsed += size
        if self._parsed > self.most_head_bytes:
            raise _TooLargeError
