"""Sealing: what is kept of texts to compare them tells nothing to who has the database alone.

A fingerprint is the text's own pairs of characters, so it is encrypted. The keys under which a text
is found are hashed with a key (a block of AES each, cut to 63 bits): equal ones stay equal. The
secret of both stays the same as long as the database lives. It stands in the database wrapped by
the keys of identifiers, which are outside (envelope encryption): rotating them wraps it anew, and
no index has to be made again.
"""

import hashlib
import secrets

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from models.links.candidates import TextKeys
from serving.register.errors import RegisterError

_SECRET = 32  # bytes
_NONCE = 12  # bytes, as NIST SP 800-38D recommends


class Seal:
    """Closes and opens by one secret; safe to use from several threads."""

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(_derived(secret, b"fingerprints"))
        # Block by block: a key is one block, and of a key nothing is told but which are equal.
        self._blocks = Cipher(algorithms.AES(_derived(secret, b"postings")), modes.ECB())

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
        blocks = np.zeros((len(keys.all), 2), dtype="<u8")
        blocks[:, 0] = keys.all
        turned = np.frombuffer(self._blocks.encryptor().update(blocks.tobytes()), dtype="<u8")
        found = (turned[::2] >> np.uint64(1)).tolist()  # 63 bits: columns are signed
        words, clauses = len(keys.sure), len(keys.bands)
        return TextKeys(tuple(found[:clauses]), tuple(found[clauses:words]), tuple(found[words:]))


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
