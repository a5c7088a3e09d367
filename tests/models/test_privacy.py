import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.privacy import MASK, find_personal, mask_record, mask_text
from models.record import Record

# No person's numbers: the phones are of the invented range, the id number is of no district.
ID_NUMBER = "990101199001010035"
FULL_WIDTH = "".join(chr(ord(digit) + 0xFEE0) for digit in "19900001101")
CARD = "6200000000000000000"


def kinds(text: str) -> set[str]:
    return {one.kind for one in find_personal(text)}


@pytest.mark.parametrize(
    ("text", "personal", "kind"),
    [
        ("请回电19900001101,谢谢", "19900001101", "phone"),
        ("请回电199 0000 1101,谢谢", "199 0000 1101", "phone"),
        ("请回电+86-199-0000-1101,谢谢", "+86-199-0000-1101", "phone"),
        (f"请回电{FULL_WIDTH},谢谢", FULL_WIDTH, "phone"),
        ("家里座机0571-82345678没人接", "0571-82345678", "landline"),
        ("座机(0571)82345678", "(0571)82345678", "landline"),
        ("联系电话:82345678", "82345678", "landline"),
        ("号码是一九九零零零零一一零一", "一九九零零零零一一零一", "spoken"),
        (f"身份证{ID_NUMBER}办的", ID_NUMBER, "id"),
        (f"打到{CARD}这张卡", CARD, "account"),
        ("打到6200 0000 0000 0000 000这张卡", "6200 0000 0000 0000 000", "account"),
        ("发到abc.def@mail.example就行", "abc.def@mail.example", "email"),
        ("加微信号:tuibao_888详谈", "tuibao_888", "wechat"),
        ("加VX tuibao888详谈", "tuibao888", "wechat"),
        ("QQ号12345678联系", "12345678", "qq"),
        ("QQ号码:12345678", "12345678", "qq"),
        ("微信号码:tuibao888", "tuibao888", "wechat"),
        ("19900001101v信同号", "19900001101", "phone"),
        ("Tel.19900001101", "19900001101", "phone"),
        ("199—0000—1101找我", "199—0000—1101", "phone"),
        ("199.0000.1101找我", "199.0000.1101", "phone"),
        ("座机0571—82345678", "0571—82345678", "landline"),
        ("保险单号:12345678", "12345678", "policy"),
        ("护照EA1234567办的", "EA1234567", "policy"),
        ("护照号码:G12345678", "G12345678", "policy"),
        ("香港身份证A123456(7)", "A123456(7)", "papers"),
        ("台胞证01234567", "01234567", "papers"),
        ("流水号" + "12345678" * 5, "12345678" * 5, "number"),
        ("保单号P00035450755已缴五年", "P00035450755", "policy"),
        ("住在望岚县城关镇东门巷5号,靠河", "望岚县城关镇东门巷5号", "address"),
        ("寄到岫岭市铁佛寺街12号3栋2单元501室", "岫岭市铁佛寺街12号3栋2单元501室", "address"),
        ("我叫贺秀兰,今年六十", "贺秀兰", "name"),
        ("投保人:周平", "周平", "name"),
        ("我叫欧阳明月,今年六十", "欧阳明月", "name"),
        ("投保人上官婉儿称不知情", "上官婉儿", "name"),
    ],
)
def test_personal_data_is_found_by_its_form_and_masked(text, personal, kind):
    assert kind in kinds(text)
    assert personal not in mask_text(text)
    assert mask_text(text) == mask_text(text.replace(personal, MASK * len(personal)))


@pytest.mark.parametrize(
    "text",
    [
        "2021年3月1日交了36000元,一共交了120000块,利率3.5%",
        "我打了95519三次,又打12378投诉",
        "理赔资料交了四十天,客服每次都说在审核。",
        "合同第十二条第三款写的是五年",
        "2024-01-15 09:27 收到短信",
        "2024.01.15交了36000.00元,又交12000.50元",
        "代码TS100、A款B3",
        "业务员当时说十年翻七成",
        "本人认为贵公司应当退还保费",
    ],
)
def test_sums_dates_hotlines_and_plain_words_stay_readable(text):
    assert mask_text(text) == text


def test_a_wrong_checksum_does_not_leave_a_number_readable():
    typo = ID_NUMBER[:-1] + "4"
    assert kinds(f"身份证{typo}") == {"number"}
    assert typo not in mask_text(f"身份证{typo}")


def test_an_id_number_ending_in_x_is_masked_whole():
    assert mask_text("证件99010119900101006X。") == "证件" + MASK * 18 + "。"


@pytest.mark.parametrize("field", ["policyholder", "seller", "attachment_author"])
def test_names_that_the_fields_give_are_masked_wherever_they_stand(field):
    record = Record("汤玉琴说的不算,汤女士后来又改口。", **{field: "汤玉琴"})
    assert mask_record(record) == "***说的不算,*女士后来又改口。"


def test_an_address_of_the_fields_is_masked_in_pieces_too():
    record = Record("你们铁佛寺街粮管所宿舍的网点", address="岫岭市 铁佛寺街粮管所宿舍")
    assert mask_record(record) == "你们" + MASK * 9 + "的网点"


def test_a_number_of_the_fields_is_masked_however_it_is_spaced():
    record = Record("卡号 1234-5678 90", payee_account="1234567890")
    assert mask_record(record) == "卡号 " + MASK * 12


def test_a_field_that_says_unknown_masks_nothing():
    assert mask_record(Record("经办人不详,请查", seller="不详")) == "经办人不详,请查"


@given(
    st.text(
        alphabet=st.sampled_from("一二三张王路号室栋微信QQ:@.a1230456789９㈱😀\u200b我叫-(),* X")
    )
)
def test_masking_keeps_every_offset_and_touches_only_what_it_found(text):
    spans = find_personal(text)
    covered = {place for span in spans for place in range(span.start, span.end)}
    masked = mask_text(text)
    assert len(masked) == len(text)
    assert all(
        char == (MASK if place in covered else text[place]) for place, char in enumerate(masked)
    )
