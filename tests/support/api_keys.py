"""API keys for tests: one in a file, and the header that presents it."""

from datetime import timedelta
from pathlib import Path

from serving.keys.key import make_key, today
from serving.keys.keys_file import changing


def add_key(path: Path, *scopes: str, days: int = 1) -> str:
    """A key in the file, valid for so many days; what to present it with."""
    now = today()
    key, token = make_key(
        "受理系统",
        frozenset(scopes),
        now=now - timedelta(days=9),
        expires=now + timedelta(days=days),
    )
    with changing(path) as keys:
        keys.append(key)
    return token


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
