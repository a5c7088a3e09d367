"""Identifiers and addresses: what ties cases beside their words, and what only looks like it."""

import pytest

from models.checksums import is_card_number, is_id_number
from models.links import Key, read_hubs
from models.links.addresses import city_of, parse_address
from models.links.identifiers import find_identifiers, find_values
from models.record import Record


def values(record: Record) -> list[tuple[str, str]]:
    return [(one.kind, one.value) for one in find_values(record, hubs=read_hubs())]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("南湖市东城区长虹大厦A座1503", "南湖东城长虹大厦A-1503室"),
        ("南湖市东城区长虹大厦A座1503", "长虹大厦A栋15层03(南湖市东城区)"),
        ("北塘市柳荫路八十六号", "北塘市柳荫路86号"),
        ("江东省北塘市柳荫区柳荫路86号", "北塘市柳荫区柳荫路86号"),
        ("南湖市东城区幸福小区3栋401室", "南湖市东城区幸福小区3-401"),
        ("南湖市东城区幸福小区3栋2单元401", "南湖市东城区幸福小区3-2-401"),
    ],
)
def test_one_door_written_in_two_ways_is_one_place(left: str, right: str):
    assert parse_address(left) == parse_address(right)


def test_two_rooms_of_a_house_are_two_places_on_one_site():
    one, two = parse_address("南湖市长虹大厦A座1503"), parse_address("南湖市长虹大厦A座804")
    assert one is not None
    assert two is not None
    assert one.unit != two.unit
    assert one.site == two.site


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("南湖市东城区幸福小区1栋2单元303室", "南湖市东城区阳光小区1栋2单元303室"),
        ("南湖市天府大道1388号1栋1单元101", "南湖市天府大道1388号1栋2单元101"),
        ("李县李家村3组12号", "李县李家村5组12号"),
        ("南湖市东城区幸福小区3-401", "南湖市东城区幸福小区5-401"),
    ],
)
def test_the_doors_of_neighbours_are_told_apart(left: str, right: str):
    one, two = parse_address(left), parse_address(right)
    assert one is not None
    assert two is not None
    assert one.unit != two.unit


def test_a_city_is_the_same_with_its_province_and_without():
    assert city_of("江东省北塘市柳荫路86号") == city_of("北塘市柳荫路86号") == "北塘"


def test_identity_numbers_are_checked_by_their_checksum():
    assert is_id_number("11010519491231002X")
    assert not is_id_number("110105194912310021")


def test_card_numbers_are_checked_by_luhn():
    assert is_card_number("4111111111111111")
    assert not is_card_number("4111111111111112")


def test_a_number_in_the_text_is_the_same_token_as_in_the_field():
    key, hubs = Key(b"k" * 32), read_hubs()
    field = find_identifiers(Record("请回电", phone="+86 199-0000-1234"), key=key, hubs=hubs)
    told = find_identifiers(Record("请打19900001234找我"), key=key, hubs=hubs)
    assert field == told != ()


def test_tokens_hold_no_number_and_need_the_key():
    record, hubs = Record("请打19900001234"), read_hubs()
    one = find_identifiers(record, key=Key(b"a" * 32), hubs=hubs)
    two = find_identifiers(record, key=Key(b"b" * 32), hubs=hubs)
    assert one[0].token != two[0].token
    assert "19900001234" not in repr(one)


def test_a_key_does_not_show_its_secret():
    assert "secret" not in repr(Key(b"secret" * 6))


@pytest.mark.parametrize(
    "given",
    ["6.22202E+18", "6222****1234", "622202xxxx1234", "00000000", "工行", "1234567"],
)
def test_what_is_left_of_a_spoiled_account_is_none(given: str):
    assert values(Record("请退款", payee_account=given)) == []


@pytest.mark.parametrize(
    "given",
    [
        "6222021234567890128",
        "6222 0212 3456 7890 128",
        "６２２２０２１２３４５６７８９０１２８",
        "6222021234567890128 工行2019年开户",
    ],
)
def test_an_account_is_the_same_however_it_is_written(given: str):
    assert values(Record("请退款", payee_account=given)) == [("account", "6222021234567890128")]


@pytest.mark.parametrize(
    "text",
    [
        "业务员电话19900001234,一直打不通",
        "按客服要求把材料发到service@house.example",
        "打了分公司0571-88888881没人接",
        "微信OpenID绑定失败",
        "微信iPhone13上打不开",
        "电话填的13800000000",
        "业务员让我把保费打到他个人卡6222021234567890128",
        "钱是转给经理的,卡号6222021234567890128",
    ],
)
def test_what_the_writer_only_mentions_ties_nobody(text: str):
    assert values(Record(text)) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("我的电话19900001234", ("phone", "19900001234")),
        ("联系我公司法务19900001234", ("phone", "19900001234")),
        ("请客服回拨我电话19900001234", ("phone", "19900001234")),
        ("银行预留手机19900001234", ("phone", "19900001234")),
        ("发到zhou.ping@mail.example", ("email", "zhou.ping@mail.example")),
        ("微信号abc12345", ("wechat", "abc12345")),
        ("加wxid_abcdefg123", ("wechat", "wxid_abcdefg123")),
        ("薇信abcdef12", ("wechat", "abcdef12")),
        ("微信号码:abcdef12", ("wechat", "abcdef12")),
        ("QQ号码12345678", ("qq", "12345678")),
        ("我的电话199—0000—1234", ("phone", "19900001234")),
        ("我的电话199.0000.1234", ("phone", "19900001234")),
        ("我家0571—88888881", ("phone", "057188888881")),
        ("业务员说的都是假的。请退到6222021234567890128", ("account", "6222021234567890128")),
        ("其他不谈,退款账号6222021234567890128", ("account", "6222021234567890128")),
    ],
)
def test_a_contact_of_the_writers_own_is_found(text: str, found: tuple[str, str]):
    assert values(Record(text)) == [found]
