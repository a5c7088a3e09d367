"""Identifiers: what ties cases beside their words, validated, and kept as keyed tokens only.

Phone, landline, e-mail, WeChat, QQ, address, payee account, attachment author; from fields and
from the text. Beside the record itself nothing keeps them in clear: no output, error,
log or ``repr`` holds one. A token can be compared, and without the key not be guessed.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from models.links.addresses import parse_address
from models.links.hubs import HubList
from models.record import Record
from models.text import normalise

# 199 0000 0000 - 199 0000 9999 are the invented numbers of our samples; they pass as mobiles.
_MOBILE = re.compile(r"(?<!\d)(?:\+?86[- ]?)?(1[3-9]\d[- ]?\d{4}[- ]?\d{4})(?!\d)")
_LANDLINE = re.compile(r"(?<!\d)(0\d{2,3})[-) ]?([2-8]\d{6,7})(?!\d)")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
_WECHAT = re.compile(r"(?:微信号?|VX|wx|WeChat)[::是 ]{0,3}([A-Za-z][\w-]{5,19})", re.I | re.A)
_QQ = re.compile(r"QQ号?[::是 ]{0,3}([1-9]\d{4,10})(?!\d)", re.I)
_LONG_NUMBER = re.compile(r"(?<!\d)\d(?:[ -]?\d){14,18}[0-9Xx](?!\d)")
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


@dataclass(frozen=True, slots=True)
class Identifier:
    """A keyed token; ``hub`` says that a list names its like as shared by strangers."""

    kind: str
    token: str
    hub: bool = False


class Key:
    """Makes tokens of identifiers: HMAC-SHA256 with a secret of the caller, random by default."""

    def __init__(self, secret: bytes | None = None) -> None:
        self._secret = secret or secrets.token_bytes(32)

    def __repr__(self) -> str:
        return "Key(…)"

    def token(self, kind: str, value: str) -> str:
        """The token of a value: 32 hexadecimal digits; the same value of another kind differs."""
        message = f"{kind}\0{value}".encode()
        return hmac.new(self._secret, message, hashlib.sha256).hexdigest()[:32]


def find_identifiers(record: Record, *, key: Key, hubs: HubList) -> tuple[Identifier, ...]:
    """All identifiers of a record, each once, in a fixed order."""
    found = {
        Identifier(kind, key.token(kind, value), hubs.names(kind, shown))
        for kind, value, shown in (*_of_fields(record), *_of_text(record.text))
    }
    return tuple(sorted(found, key=lambda one: (one.kind, one.token)))


def is_id_number(digits: str) -> bool:
    """Whether 18 characters are a resident identity number by the checksum of GB 11643."""
    if not re.fullmatch(r"[1-9]\d{16}[\dXx]", digits):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(digits, _ID_WEIGHTS, strict=False))
    return "10X98765432"[total % 11] == digits[-1].upper()


def is_card_number(digits: str) -> bool:
    """Whether 16-19 digits are a bank card number by Luhn's checksum."""
    if not re.fullmatch(r"[1-9]\d{15,18}", digits):
        return False
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


def _of_fields(record: Record) -> Iterator[tuple[str, str, str]]:
    """(kind, value in one spelling, value as written)."""
    if record.phone:
        yield from _phones(normalise(record.phone).text)
    if record.payee_account:
        digits = re.sub(r"\D", "", record.payee_account)
        if 8 <= len(digits) <= 30:
            yield "account", digits, digits
    if record.attachment_author and record.attachment_author.strip():
        author = normalise(record.attachment_author).text.strip().casefold()
        yield "author", author, author
    place = parse_address(record.address) if record.address else None
    if place is not None and record.address:
        if place.unit:
            yield "address", place.unit, record.address
        if place.site:
            yield "site", place.site, record.address


def _of_text(text: str) -> Iterator[tuple[str, str, str]]:
    plain = normalise(text).text
    for found in _LONG_NUMBER.findall(plain):
        digits = re.sub(r"[ -]", "", found)
        plain = plain.replace(found, " ")  # an account holds no phone
        if is_card_number(digits) and not is_id_number(digits):
            yield "account", digits, digits
    yield from _phones(plain)
    for kind, pattern in (("email", _EMAIL), ("wechat", _WECHAT), ("qq", _QQ)):
        for value in pattern.findall(plain):
            yield kind, value.casefold(), value


def _phones(text: str) -> Iterator[tuple[str, str, str]]:
    for found in _MOBILE.findall(text):
        digits = re.sub(r"\D", "", found)
        yield "phone", digits, digits
    for area, number in _LANDLINE.findall(text):
        yield "phone", area + number, area + number
