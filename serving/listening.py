"""Listening: the socket and the server of the service, and who may reach it from where."""

import ipaddress
import socket
from typing import TYPE_CHECKING

from models.errors import XiaobaoError

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

    from serving.settings import ServingSettings


class ServeError(XiaobaoError):
    """The service cannot be started as asked."""


def check_host(host: str, *, may_be_remote: bool) -> None:
    """Refuse an address that other machines reach, unless keys are in use or not wanted."""
    if not may_be_remote and not _is_loopback(host):
        raise ServeError(
            f"--host {host}: other machines could read complaints and no keys are in use; wanted "
            "--keys FILE (see `keys create`), or --allow-remote-without-keys on a closed network"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listen(host: str, port: int) -> socket.socket:
    """A socket at this address; raises ServeError where it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        why = (error.strerror or type(error).__name__).partition(" (")[0]
        raise ServeError(f"--host {host} --port {port}: cannot listen: {why}") from error
    # Head and body of an answer are two packets: without this the second waits 40 ms for an echo.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def server_of(app: "FastAPI", settings: "ServingSettings") -> "uvicorn.Server":
    """The server of an app, with its limits; on the port of the settings unless given a socket."""
    import uvicorn

    from serving.http import protocol_of

    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,  # ours is in place; an access line of uvicorn would hold typed addresses
        access_log=False,
        server_header=False,
        http=protocol_of(settings.max_header_bytes),
        ws="none",
        timeout_graceful_shutdown=int(settings.deadline_s) + 5,
    )
    return uvicorn.Server(config)
