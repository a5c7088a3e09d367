"""Groups of the register as they are shown: members, what joins them, what to verify."""

import pytest

from tests.support.linked import PHONE, STRANGERS, case, routed


def test_a_group_is_shown_with_members_links_and_what_to_verify(links):
    links.add(*(case(f"S{n}", text, phone=PHONE) for n, text in enumerate(STRANGERS)))
    (summary,) = links.listed()
    group = links.group(summary.id)
    assert (summary.kind, summary.size) == ("ring", 4)
    assert [member.case_id for member in group.members] == ["S0", "S1", "S2", "S3"]
    assert {member.level for member in group.members} == {"REVIEW"}
    assert {link.case_ids for link in group.links} >= {("S0", "S1"), ("S2", "S3")}
    assert group.verify
    assert PHONE not in repr(group)


def test_a_member_who_needs_help_is_shown_as_such(links):
    calm, desperate = (case(f"S{n}", text, phone=PHONE) for n, text in enumerate(STRANGERS[:2]))
    links.add(calm, routed(desperate, "safety"))
    (summary,) = links.listed()
    assert [member.route for member in links.group(summary.id).members] == [None, "safety"]


def test_groups_can_be_listed_by_kind_and_in_parts(links):
    links.add(*(case(f"S{n}", text, phone=PHONE) for n, text in enumerate(STRANGERS)))
    home = {"phone": "19900002222", "address": "南湖市柳荫新村3幢402"}
    links.add(
        case("H1", "我爱人的住院费还没赔,她上班不能接电话。", **home),
        case("H2", "婆婆的红利单没收到,老人不会用手机。", **home),
    )
    assert [one.kind for one in links.listed()] == ["household", "ring"]
    assert [one.kind for one in links.listed(kind="ring")] == ["ring"]
    assert [one.kind for one in links.listed(limit=1, offset=1)] == ["ring"]


@pytest.mark.parametrize("name", ["G000009", "", "G", "G-1", "组", "G" + "9" * 30])
def test_a_group_that_is_not_there_is_none(links, name):
    assert links.group(name) is None


@pytest.mark.parametrize("kind", ["no such kind", "household\0"])
def test_of_a_kind_that_no_rule_knows_there_are_no_groups(links, kind):
    assert links.listed(kind=kind) == []
