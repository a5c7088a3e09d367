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
from dataclasses import dataclass, field

from models.checksums import is_card_number, is_id_number
from models.links.addresses import parse_address
from models.links.hubs import HubList
from models.record import Record
from models.text import normalise

# 199 0000 0000 - 199 0000 9999 are the invented numbers of our samples; they pass as mobiles.
_MOBILE = re.compile(r"(?<!\d)(?:\+?86[- ]?)?(1[3-9]\d[-—–.· ]?\d{4}[-—–.· ]?\d{4})(?!\d)")
_LANDLINE = re.compile(r"(?<!\d)(0\d{2,3})[-—–) ]?([2-8]\d{6,7})(?!\d)")
_EMAIL = re.compile(r"[\w.+-]{1,64}+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
# With a digit or an underscore: other words in Latin letters stand beside 微信, too.
_WECHAT = re.compile(
    r"(?:(?:微信|薇信|威信|V信)(?:号码?|ID|[:是为]){0,3} ?"
    r"|(?<![A-Za-z])(?:VX|wx(?!id_)|WeChat)[:号码是为 ]{0,4})"
    r"((?!iphone|ipad|android|huawei)(?=[A-Za-z_-]*[\d_])[A-Za-z][\w-]{5,19})",
    re.I | re.A,
)
_WXID = re.compile(r"(?<![A-Za-z0-9_])wxid_\w{6,24}", re.I | re.A)
_QQ = re.compile(r"QQ号?码?[::是 ]{0,3}([1-9]\d{4,10})(?!\d)", re.I)
# A contact of the house or its people that the writer only mentions.
_THEIRS = re.compile(
    r"(?:业务员|客服|坐席|贵司|贵公司|你们公司|你公司|分公司|支公司|总公司"
    r"|网点|柜台|柜面|营业部|营业厅|热线|监管局)"
    r"[^,.;:!?。\d@我本]{0,8}:?\s*"
    rf"(?:{_EMAIL.pattern}|{_LANDLINE.pattern}|{_MOBILE.pattern})",
    re.ASCII,
)
# Before an account that is not where the writer wants money: who was paid, or whose it is.
_PAID_IN = re.compile(
    r"业务员|代理人|销售员?|经理|主管|讲师|(?<!其)他|她|对方|私人|个人(?:的|银行)*[卡账]"
    r"|保费|缴|交[费款钱给到]|付[给到]"
)
_SENTENCE_END = re.compile(r"[。!?;\n]")
_BEFORE = 40  # characters
# What belongs to one person, wherever it stands; a landline or a door may be an institution's.
_PERSONAL = frozenset({"account", "wechat", "qq", "email"})
_SPOILED = re.compile(r"\*|\d[xX]{2,}|\d[eE]\+")
_DIGITS = re.compile(r"\d(?:[ -]?\d)*")
_FILLER = re.compile(r"0{7}$|1234567")
_LONG_NUMBER = re.compile(r"(?<!\d)\d(?:[ -]?\d){14,18}[0-9Xx](?!\d)")


@dataclass(frozen=True, slots=True)
class Value:
    """What a record holds in clear, in one spelling; ``listed``: a list of hubs names its like.

    Lives only until it has its token.
    """

    kind: str
    value: str = field(repr=False)
    listed: bool = False

    @property
    def personal(self) -> bool:
        """Whether it is one person's by its nature: a mobile, an account, a name on a network."""
        is_mobile = self.kind == "phone" and re.fullmatch(r"1[3-9]\d{9}", self.value) is not None
        return is_mobile or self.kind in _PERSONAL


@dataclass(frozen=True, slots=True)
class Identifier:
    """A value's opaque name (a keyed token, or its number in an index); nothing in clear."""

    kind: str
    token: str
    hub: bool = False
    personal: bool = False


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


def find_values(record: Record, *, hubs: HubList) -> tuple[Value, ...]:
    """All identifying values of a record, each once, in a fixed order."""
    found: dict[tuple[str, str], bool] = {}
    for kind, value, shown in (*_of_fields(record), *_of_text(record.text)):
        found[kind, value] = found.get((kind, value), False) or hubs.names(kind, shown)
    return tuple(Value(*key, listed) for key, listed in sorted(found.items()))


def find_identifiers(record: Record, *, key: Key, hubs: HubList) -> tuple[Identifier, ...]:
    """The same as keyed tokens."""
    values = find_values(record, hubs=hubs)
    return tuple(
        Identifier(one.kind, key.token(one.kind, one.value), one.listed, one.personal)
        for one in values
    )


def _of_fields(record: Record) -> Iterator[tuple[str, str, str]]:
    """(kind, value in one spelling, value as written)."""
    if record.phone:
        yield from _phones(normalise(record.phone).text)
    if record.payee_account:
        yield from _accounts(normalise(record.payee_account).text)
    if record.attachment_author and record.attachment_author.strip():
        author = normalise(record.attachment_author).text.strip().casefold()
        yield "author", author, author
    place = parse_address(record.address) if record.address else None
    if place is not None and record.address:
        if place.unit:
            yield "address", place.unit, record.address
        if place.site:
            yield "site", place.site, record.address


def _accounts(given: str) -> Iterator[tuple[str, str, str]]:
    """The account in a field of accounts; nothing where digits were masked, rounded or made up."""
    if _SPOILED.search(given):
        return
    longest = max((re.sub(r"\D", "", run) for run in _DIGITS.findall(given)), key=len, default="")
    if 8 <= len(longest) <= 30 and len(set(longest)) > 1:
        yield "account", longest, longest


def _of_text(text: str) -> Iterator[tuple[str, str, str]]:
    plain = normalise(text).text
    for found in _LONG_NUMBER.finditer(plain):
        digits = re.sub(r"[ -]", "", found[0])
        before = _SENTENCE_END.split(plain[max(0, found.start() - _BEFORE) : found.start()])[-1]
        if is_card_number(digits) and not is_id_number(digits) and not _PAID_IN.search(before):
            yield "account", digits, digits
    own = _THEIRS.sub(" ", _LONG_NUMBER.sub(" ", plain))  # an account holds no phone
    yield from _phones(own)
    for kind, pattern in (("email", _EMAIL), ("wechat", _WECHAT), ("wechat", _WXID), ("qq", _QQ)):
        for value in pattern.findall(own):
            yield kind, value.casefold(), value


def _phones(text: str) -> Iterator[tuple[str, str, str]]:
    for found in _MOBILE.findall(text):
        digits = re.sub(r"\D", "", found)
        if not _FILLER.search(digits):
            yield "phone", digits, digits
    for area, number in _LANDLINE.findall(text):
        if len(set(number)) > 1:
            yield "phone", area + number, area + number
