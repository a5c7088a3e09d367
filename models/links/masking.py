"""Masking: what differs between two copies of one letter becomes a placeholder.

Names, numbers, dates, sums, products, companies and places: changing them hides no copy. Makes
texts comparable, not anonymous: a masked text is never shown or stored.
"""

import re

from models.record import Record
from models.text import normalise

_HAN = "\u4e00-\u9fff"
_NUMERAL = "零〇一二三四五六七八九十百千万亿两廿卅壹贰叁肆伍陆柒捌玖拾佰仟"

_PIECE = 3

# Placeholders are Latin letters: no word of a complaint runs across them. A run is read from its
# beginning only (the lookbehinds) or is bounded: the text is a stranger's, and time must not grow
# faster than its length.
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"[\w.+-]{1,64}+@[\w-]+(?:\.[\w-]+)+", re.ASCII), "E"),
    (re.compile(rf"《[^《》]{{1,30}}》第?[{_NUMERAL}\d]*条?"), "L"),
    (re.compile(rf"[{_HAN}A-Za-z]{{2,6}}(?:人寿|人保|财险|寿险公司|保险公司|银行|农商行)"), "C"),
    (re.compile(rf"(?:(?<![{_HAN}])|(?<=[在到于从往住]))[{_HAN}]{{2,3}}?(?:省|市|县|自治区)"), "P"),
    (
        re.compile(
            r"(?:终身寿|增额寿|重疾|重大疾病|年金|万能|分红|两全|医疗|意外)[险型类]*(?:保险)?"
        ),
        "R",
    ),
    (re.compile(r"(?<![\d.,:/%*Xx-])[\d.,:/%*Xx-]*\d[\d.,:/%*-]*"), "0"),
    (re.compile(rf"[{_NUMERAL}]{{2,}}|[{_NUMERAL}](?=[年月日号元块万千百成期个点])"), "0"),
    (re.compile(r"0[年月日号元块万千角分成期个点%]*(?:0[年月日号元块万千角分成期个点%]*)*"), "0"),
    (re.compile(rf"(?<=我叫)[{_HAN}]{{2,3}}(?=[,。,、\s])"), "N"),
    (re.compile(rf"(?<=本人)[{_HAN}]{{2,3}}(?=[,。,、\s])"), "N"),
    (re.compile(rf"[{_HAN}]{{1,3}}(?:先生|女士|经理|主任)"), "N"),
    (re.compile(r"[男女](?=士)|[他她它](?=们)?"), "他"),
)


def mask(record: Record) -> str:
    """The record's text with every particular of its own replaced, normalised and simplified.

    The record's fields say which names are names; the rest is found by form.
    """
    text = normalise(record.text).text
    for words in _particulars(record):
        text = text.replace(words, "N")
    for pattern, placeholder in _RULES:
        text = pattern.sub(placeholder, text)
    return text


def _particulars(record: Record) -> list[str]:
    fields = (record.address, record.policyholder, record.seller, record.policy_no, record.phone)
    found = {normalise(value).text.strip() for value in fields if value}
    # A letter names its own outlet, street or village in pieces: neighbours are no copyists.
    where = normalise(record.address).text if record.address else ""
    found |= {where[at : at + _PIECE] for at in range(len(where) - _PIECE + 1)}
    # Longest first, then in one order in every process: pieces of one address overlap.
    return sorted((words for words in found if len(words) >= 2), key=lambda w: (-len(w), w))
