import pytest

from models.codebook import default_codebook
from models.links import Linker
from models.privacy import mask_record
from models.record import Record, is_unknown
from tests.support.linked import LETTER
from tests.support.readers import KeywordAnalyzer

CITIES = ("南湖", "北塘", "东川", "西陵", "望岚")
UNKNOWN = ("不详", "未知", " 无 ", "(不详)", "—", "N/A", "地址不详", "未提供。")


def ring(**fields: str) -> list[Record]:
    return [
        Record(
            f"{LETTER}第{n}户。", case_id=str(n), **{"address": f"{city}市长虹路{n}号", **fields}
        )
        for n, city in enumerate(CITIES)
    ]


def linked(records: list[Record]):
    return Linker(default_codebook()).link(records, KeywordAnalyzer().assess(records))


@pytest.mark.parametrize("words", UNKNOWN)
def test_what_nobody_knows_is_no_value(words: str) -> None:
    assert is_unknown(words)


@pytest.mark.parametrize("words", ["吴不详", "无锡市", "安无", "12", "张"])
def test_a_value_is_one(words: str) -> None:
    assert not is_unknown(words)


@pytest.mark.parametrize("words", ["不详", "未知"])
def test_customers_whose_names_nobody_knows_are_no_family(words: str) -> None:
    phone = "19900001234"
    without = linked(ring(phone=phone))
    found = linked(ring(phone=phone, policyholder=words, policy_no=words, seller=words))
    assert {case.group_kind for case in found.cases} == {"ring"}
    assert [case.level for case in found.cases] == [case.level for case in without.cases]


@pytest.mark.parametrize("words", UNKNOWN)
def test_two_unknowns_join_nobody(words: str) -> None:
    texts = ("医院发票交了四十天,一直说在影像审核。", "手机软件改不了地址,人工又排不上队。")
    fields = dict.fromkeys(
        ("phone", "address", "payee_account", "policyholder", "policy_no", "attachment_author"),
        words,
    )
    found = linked([Record(text, case_id=text[:2], **fields) for text in texts])
    assert [case.group_kind for case in found.cases] == [None, None]


def test_a_word_that_stands_for_no_name_is_not_masked() -> None:
    assert mask_record(Record("原因不详,请查明", policyholder="不详")) == "原因不详,请查明"
