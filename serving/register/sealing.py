"""Sealing: what is kept of texts to compare them tells nothing to who has the database alone.

A fingerprint is the text's own pairs of characters, so it is encrypted; the keys under which a text
is found are turned by a keyed hash. The secret of both stays the same as long as the database
lives. It stands in the database wrapped by the keys of identifiers, which are outside (envelope
encryption): rotating them wraps it anew, and no index has to be made again.
"""

import hashlib
import secrets
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from models.links.candidates import TextKeys
from serving.register.errors import RegisterError

_SECRET = 32  # bytes
_NONCE = 12  # bytes, as NIST SP 800-38D recommends
_REMEMBERED = 50_000  # keys: rare words come again


class Seal:
    """Closes and opens by one secret; safe to use from several threads."""

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(_derived(secret, b"fingerprints"))
        self._key = _derived(secret, b"postings")
        self._turned = lru_cache(_REMEMBERED)(self._turn)

    def close(self, content: bytes) -> bytes:
        """The content encrypted; twice the same gives two results."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, content, None)

    def open(self, kept: bytes) -> bytes:
        """What was closed. Raises RegisterError for what another secret closed."""
        try:
            return self._cipher.decrypt(kept[:_NONCE], kept[_NONCE:], None)
        except InvalidTag:
            raise RegisterError("database: a fingerprint was sealed by another secret") from None

    def keys_of(self, keys: TextKeys) -> TextKeys:
        """The same keys as they stand in the database: which are equal stays so."""
        return TextKeys(
            *(tuple(map(self._turned, own)) for own in (keys.bands, keys.clauses, keys.words))
        )

    def _turn(self, key: int) -> int:
        mixed = hashlib.blake2b(key.to_bytes(8, "little"), key=self._key, digest_size=8).digest()
        return int.from_bytes(mixed, "little") >> 1  # 63 bits: columns are signed


def new_secret() -> bytes:
    """A secret for a new database."""
    return secrets.token_bytes(_SECRET)


def wrap(secret: bytes, *, key: bytes) -> bytes:
    """The secret of a seal, encrypted with a key of identifiers."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(_derived(key, b"wrapping")).encrypt(nonce, secret, None)


def unwrap(wrapped: bytes, *, key: bytes) -> bytes:
    """The secret that ``wrap`` was given. Raises RegisterError for another key."""
    try:
        cipher = AESGCM(_derived(key, b"wrapping"))
        return cipher.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], None)
    except InvalidTag:
        raise RegisterError("database: the seal of its index was wrapped by another key") from None


def _derived(secret: bytes, use: bytes) -> bytes:
    """A key of its own for each use (RFC 7693, keyed and personal)."""
    return hashlib.blake2b(key=secret, person=use, digest_size=_SECRET).digest()
