"""Personal data in a text: found by form and by what the record's fields say, masked in place.

Every masked character becomes one ``*``, so that offsets, and with them evidence, still fit. Errs
on the side of masking: any number as long as a phone goes, whatever its checksum says. Finds no
name that no field and no set phrase gives away. Short sums, dates and hotlines stay readable.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from models.checksums import is_card_number, is_id_number
from models.record import Record, is_unknown
from models.text import normalise

MASK = "*"

_HAN = "\u4e00-\u9fff"
_NOBODY = {"客户", "业务员"}  # in a field of names: a role
_SPOKEN = "零〇一二三四五六七八九幺"
_SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋"
    "蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万"
    "段雷钱汤尹黎易常武乔贺赖龚文庞樊兰殷施陶洪翟安颜倪严牛温芦季俞章鲁葛伍韦申尤毕聂丛焦向"
    "柳邢路岳齐沿梅莫庄辛管祝左涂谷祁时舒耿牟卜詹关苗凌费纪靳盛童欧甄项曲成游阳裴席卫查屈鲍"
)
_COMPOUND = (
    "欧阳|司马|诸葛|上官|司徒|东方|独孤|南宫|夏侯|皇甫|"
    "尉迟|公孙|慕容|令狐|长孙|宇文|轩辕|端木|百里|呼延"
)
_NAME_LEAD = (
    "我叫|我是|姓名|名字叫|投保人|被保险人|被保人|受益人|业务员|代理人|客户经理|经办人|联系人|"
    "收款人|户名|开户名|委托人|本人"
)
_NAME_END = rf"(?=[^{_HAN}]|$|[说称告让给在当是于向到来于有就把跟和与的])"
_PLACED = rf"(?![在到于往从住寄址是的了我你他她您])[{_HAN}]"  # a word of a place's name
_BUILT = r"路|街|大道|胡同|巷|弄|里(?=\d)|村|小区|花园|新村|公寓|家园|大厦|广场|苑|庄|屯|社区|宿舍"
_GAP = r"[-—–.·\s]?"  # inside a phone
_DOOR = "号楼|号院|号|栋|幢|座|单元|室|组|弄"

# (kind, pattern over the normalised text); where there is a group, only the group is personal. What
# repeats is bounded or atomic: the text is a stranger's, and time must not grow faster than its
# length.
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("email", re.compile(r"[\w.+-]{1,64}+@[\w-]+(?:\.[\w-]+)+", re.ASCII)),
    (
        "wechat",
        re.compile(
            r"(?:微\s?信号?|薇信|威信|VX|V信|wx|WeChat)[号码ID是为::\s]{0,5}([A-Za-z][\w-]{5,19})",
            re.I | re.A,
        ),
    ),
    ("wechat", re.compile(r"(?<![A-Za-z0-9_])(wxid_\w{6,24})", re.I | re.A)),
    ("qq", re.compile(r"(?:QQ|扣扣|企鹅)[号码是为::\s]{0,5}([1-9]\d{4,11})(?!\d)", re.I)),
    ("phone", re.compile(rf"(?<!\d)1[3-9]\d{_GAP}\d{{4}}{_GAP}\d{{4}}(?!\d)")),
    (
        "landline",
        re.compile(rf"(?<!\d)(?:\(?0\d{{2,3}}\)?{_GAP})[2-8]\d{{6,7}}(?:[-—–转]\d{{1,5}})?(?!\d)"),
    ),
    ("landline", re.compile(r"(?:电话|座机|固话|号码)[号是为::\s]{0,4}([2-8]\d{6,7})(?!\d)")),
    (
        "policy",
        re.compile(
            r"(?:保单号?码?|保险单号?码?|合同号?码?|单证号|案件号|赔案号)[号码是为::\s]{0,5}"
            r"([A-Za-z]{0,4}\d[\dA-Za-z-]{5,29})",
            re.A,
        ),
    ),
    ("policy", re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{1,4}\d{7,24}(?![A-Za-z0-9])", re.A)),
    (
        "papers",
        re.compile(
            r"(?:护照|通行证|台胞证|回乡证|居住证|军官证|士兵证|证件)[号码是为::\s]{0,5}"
            r"([A-Za-z]{0,3}\d{6,12}(?:\(\d\))?)",
            re.A,
        ),
    ),
    ("papers", re.compile(r"(?<![A-Za-z0-9])[A-Z]{1,2}\d{6}\([\dA]\)", re.A)),  # of Hong Kong
    ("spoken", re.compile(rf"[{_SPOKEN}](?:[\s,-]?[{_SPOKEN}]){{6,}}")),
    (
        "address",
        re.compile(
            rf"(?:(?>(?:{_PLACED}){{1,8}}?(?:省|市|自治区|州|区|县|旗|镇|乡|街道))){{0,5}}"
            rf"(?:{_PLACED}){{1,10}}?(?:{_BUILT})"
            rf"(?:[{_HAN}]{{0,6}}?(?:[\dA-Za-z-]{{1,6}}|[一二三四五六七八九十百]{{1,4}}(?=[号栋幢单]))(?:{_DOOR}))+"
            r"(?:\d{2,5}(?!\d|[年月日元万块]))?"
        ),
    ),
    (
        "name",
        re.compile(
            rf"(?:{_NAME_LEAD})[::为是\s]{{0,2}}((?:{_COMPOUND}|[{_SURNAMES}])[{_HAN}]{{1,2}}?){_NAME_END}"
        ),
    ),
)
# Fifteen digits or more may be grouped; a phone too. A date with its hour stays below eleven.
_NUMBER = re.compile(r"(?<![\dA-Za-z])(?:\+?86[-\s]?)?\d(?:[-\s]?\d){10,}+[Xx]?")
_MOBILE = re.compile(r"(?:86)?1[3-9]\d{9}")
_TITLES = "先生|女士|小姐|太太|老师|阿姨|大姐|经理|主任|总监|总"


@dataclass(frozen=True, slots=True)
class Personal:
    """A stretch of the original text that is personal, and of what kind."""

    start: int
    end: int
    kind: str


def mask_record(record: Record) -> str:
    """The record's text with all personal data masked; as long as the text itself."""
    return mask_spans(record.text, find_personal(record.text, known=known_words(record)))


def mask_text(text: str, *, known: Sequence[tuple[str, str]] = ()) -> str:
    """A text without a record (a reviewer's reason, a free field), masked; length is kept."""
    return mask_spans(text, find_personal(text, known=known))


def find_personal(text: str, *, known: Sequence[tuple[str, str]] = ()) -> tuple[Personal, ...]:
    """Every personal stretch, in order of its start; stretches may overlap.

    ``known`` are pairs of kind and words that are personal wherever they stand.
    """
    plain = normalise(text)
    places = sorted({*_by_form(plain.text), *_by_words(plain.text, known)})
    return tuple(Personal(*plain.original_span(start, end), kind) for start, end, kind in places)


def mask_spans(text: str, spans: Sequence[Personal]) -> str:
    """The text with each character of these stretches replaced by one ``*``."""
    chars = list(text)
    for span in spans:
        chars[span.start : span.end] = MASK * (span.end - span.start)
    return "".join(chars)


def known_words(record: Record) -> tuple[tuple[str, str], ...]:
    """What the fields of a record say is personal: names, numbers, the address and its pieces."""
    fields = (
        ("name", record.policyholder),
        ("name", record.seller),
        ("name", record.attachment_author),
        ("policy", record.policy_no),
        ("phone", record.phone),
        ("account", record.payee_account),
        ("address", record.address),
    )
    found = ((kind, normalise(value).text.strip()) for kind, value in fields if value)
    return tuple(
        (kind, value) for kind, value in found if value not in _NOBODY and not is_unknown(value)
    )


def _by_form(text: str) -> Iterator[tuple[int, int, str]]:
    for found in _NUMBER.finditer(text):
        yield *found.span(), _kind_of(re.sub(r"\D", "", found[0]), found[0])
    for kind, pattern in _PATTERNS:
        for found in pattern.finditer(text):
            yield *found.span(found.lastindex or 0), kind


def _kind_of(digits: str, written: str) -> str:
    if _MOBILE.fullmatch(digits):
        return "phone"
    if is_id_number(digits + ("X" if written[-1] in "Xx" else "")):
        return "id"
    return "account" if is_card_number(digits) else "number"


def _by_words(text: str, known: Sequence[tuple[str, str]]) -> Iterator[tuple[int, int, str]]:
    for kind, words in known:
        for pattern in _spellings(kind, words):
            for found in re.finditer(pattern, text, re.IGNORECASE):
                yield *found.span(found.lastindex or 0), kind


def _spellings(kind: str, words: str) -> Iterator[str]:
    """Patterns of how a known value may stand in the text."""
    if len(words) >= 2:
        # Spaces and hyphens come and go when people copy numbers.
        yield r"[\s-]?".join(map(re.escape, re.sub(r"[\s-]", "", words))) or r"(?!)"
    if kind == "name" and re.fullmatch(f"[{_HAN}]{{2,4}}", words):
        yield rf"({re.escape(words[0])})(?:{_TITLES})"
    if kind == "address":
        # A letter names its own street and house in pieces.
        yield from (re.escape(piece) for piece in re.findall(rf"[{_HAN}\d]{{4,}}", words))
