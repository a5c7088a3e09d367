"""HTTP byte by byte: heads of bounded size, and what two readers would read differently."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.readers import KeywordAnalyzer
from tests.support.served import run_server

MOST = 2048
GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /v1/assess HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
BODY = '{"text": "理赔资料交了四十天。"}'.encode()


@pytest.fixture(scope="module")
def place():
    with run_server(KeywordAnalyzer(), max_header_bytes=MOST) as (client, _):
        yield client.base_url.host, client.base_url.port


@contextmanager
def connected(place) -> Iterator[socket.socket]:
    with socket.create_connection(place, 5) as connection:
        yield connection


def statuses(connection: socket.socket) -> list[bytes]:
    """The status of each answer until the service closes."""
    received = b""
    while piece := connection.recv(65536):
        received += piece
    return [part[:3] for part in received.split(b"HTTP/1.1 ")[1:]]


def padded(size: int) -> bytes:
    """A whole head whose lines are so large."""
    start = GET + b"Connection: close\r\nX-Long: "
    return start + b"a" * (size - len(start)) + b"\r\n\r\n"


def test_a_head_within_the_limit_is_read(place):
    with connected(place) as connection:
        connection.sendall(padded(MOST))
        assert statuses(connection) == [b"200"]


@pytest.mark.parametrize("size", [MOST + 100, 1_000_000])
def test_a_whole_head_that_is_too_large_is_refused(place, size):
    with connected(place) as connection:
        connection.sendall(padded(size))
        assert connection.recv(100).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("line", [b"X-Long: ", b"", b"X-"])
def test_a_head_that_never_ends_is_refused_once_it_is_too_large(place, line):
    with connected(place) as connection:
        connection.sendall(GET + line)
        for _ in range(MOST // 64):
            connection.sendall(b"a" * 64)
        assert statuses(connection) == [b"400"]


def test_an_address_that_never_ends_is_refused(place):
    with connected(place) as connection:
        connection.sendall(b"GET /" + b"a" * 2 * MOST)
        assert statuses(connection) == [b"400"]


def test_many_requests_in_one_piece_are_no_large_head(place):
    with connected(place) as connection:
        last = GET + b"Connection: close\r\n"
        connection.sendall((GET + b"\r\n") * 60 + last)
        connection.sendall(b"\r\n")
        assert statuses(connection) == [b"200"] * 61


def test_a_head_behind_a_long_body_is_counted_by_itself(place):
    body = b" " * 4 * MOST + BODY
    head = POST + b"Content-Length: %d\r\n\r\n" % len(body)
    with connected(place) as connection:
        connection.sendall(head + body[:MOST])
        connection.sendall(body[MOST:] + GET + b"Connection: ")
        connection.sendall(b"close\r\n\r\n")
        assert statuses(connection) == [b"200", b"200"]


@pytest.mark.parametrize(
    "lines",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 5a\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"X Y: 1\r\n",
        b"X\x00: 1\r\n",
        b"X: a\x00b\r\n",
        b"Host: localhost\r\n",
        b" folded: 1\r\n",
    ],
)
def test_a_request_that_two_readers_would_read_differently_is_refused(place, lines):
    with connected(place) as connection:
        connection.sendall(POST + lines + b"Connection: close\r\n\r\n0\r\n\r\n")
        assert statuses(connection) == [b"400"]


def test_no_request_is_taken_over_to_another_protocol(place):
    upgrade = (
        b"Connection: Upgrade, close\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    with connected(place) as connection:
        connection.sendall(GET + upgrade)
        assert statuses(connection) == [b"200"]
