"""Seals: what a browser keeps for us, so that it can neither read nor make it. Knows no HTTP.

A session is the API key that was entered, encrypted: whoever has the cookie alone learns no key,
and a key that is revoked ends its sessions. A form carries a token that fits one browser only.
"""

import hashlib
import hmac
import secrets
from functools import cached_property
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from serving.private_files import create_once

SESSION_S = 12 * 3600
"""How long a session lasts, in seconds: a working day."""


class Seal:
    """Seals and opens with the secret in a file, which is made when it is first needed.

    Servers that share the file share sessions. Where it can be neither made nor read the secret
    lives as long as the process.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def close(self, token: str) -> str:
        """The session that carries this API key."""
        return self._cipher.encrypt(token.encode()).decode()

    def open(self, session: str) -> str | None:
        """The API key of a session; None for one that is too old or was not made here."""
        try:
            return self._cipher.decrypt(session.encode(), ttl=SESSION_S).decode()
        except (InvalidToken, ValueError):
            return None

    def form_token(self, browser: str) -> str:
        """What a form must carry that was given to this browser."""
        return hmac.new(self._secret, b"form:" + browser.encode(), hashlib.sha256).hexdigest()

    def fits(self, form_token: str, browser: str) -> bool:
        """Whether a form was given to this browser."""
        return bool(browser) and hmac.compare_digest(
            self.form_token(browser).encode(), form_token.encode("utf-8", "replace")
        )

    @cached_property
    def _secret(self) -> bytes:
        try:
            create_once(self._path, Fernet.generate_key() + b"\n")
            found = self._path.read_bytes().strip()
            Fernet(found)
        except (OSError, ValueError):
            return Fernet.generate_key()
        return found

    @cached_property
    def _cipher(self) -> Fernet:
        return Fernet(self._secret)


def new_browser() -> str:
    """A name for a browser that has none yet."""
    return secrets.token_urlsafe(24)
