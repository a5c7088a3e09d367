"""Inline tags and spans: each gives the other back, and every fault has its place."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.annotation import AnnotationError, parse_tags, write_tags
from models.record import Span

LABELS = st.lists(
    st.sampled_from(["CLAIM.CLAIM_DELAY", "PS_FEE_SHARE", "NX_FAMILY_HELPER", "own-1.a"]),
    min_size=1,
    max_size=3,
).map(tuple)
WORDS = st.text(
    st.one_of(
        st.sampled_from("退保费/,⟨ \n业務👨\u200d\u0301"),
        st.characters(exclude_characters="⟦⟧"),
    ),
    min_size=1,
    max_size=6,
)


@st.composite
def nested(draw, depth=3):
    """A text with properly nested spans, in the order in which their tags open."""
    text, spans = "", []
    for _ in range(draw(st.integers(0, 3))):
        if depth and draw(st.booleans()):
            inner, within = draw(nested(depth=depth - 1))
            inner, start = inner or draw(WORDS), len(text)
            spans.append(Span(start, start + len(inner), draw(LABELS)))
            spans += [Span(start + s.start, start + s.end, s.labels) for s in within]
            text += inner
        else:
            text += draw(WORDS)
    return text, tuple(spans)


SPANS = st.builds(Span, st.integers(-1, 9), st.integers(-1, 9), LABELS)


@pytest.mark.parametrize(
    ("tagged", "clean", "spans"),
    [
        ("没有标注", "没有标注", ()),
        ("", "", ()),
        (
            "报案⟦CLAIM.CLAIM_DELAY⟧三个月⟦/⟧没赔",
            "报案三个月没赔",
            (Span(2, 5, ("CLAIM.CLAIM_DELAY",)),),
        ),
        ("⟦A,B⟧退保⟦/⟧", "退保", (Span(0, 2, ("A", "B")),)),
        ("⟦A⟧要⟦B⟧退保⟦/⟧费⟦/⟧", "要退保费", (Span(0, 4, ("A",)), Span(1, 3, ("B",)))),
        ("⟦A⟧⟦B⟧退保⟦/⟧⟦/⟧", "退保", (Span(0, 2, ("A",)), Span(0, 2, ("B",)))),
        ("⟦A⟧退⟦/⟧⟦B⟧保⟦/⟧", "退保", (Span(0, 1, ("A",)), Span(1, 2, ("B",)))),
        ("👨\u200d👩⟦A⟧\r\n⟦/⟧", "👨\u200d👩\r\n", (Span(3, 5, ("A",)),)),
    ],
)
def test_tags_become_spans_over_the_clean_text(tagged, clean, spans):
    assert parse_tags(tagged, name="x") == (clean, spans)


@pytest.mark.parametrize(
    ("tagged", "offset", "what"),
    [
        ("我⟦A⟧要退保", 1, "the tag is not closed, wanted ⟦/⟧"),
        ("⟦A⟧我⟦B⟧要⟦/⟧退保", 0, "the tag is not closed, wanted ⟦/⟧"),
        ("我要⟦/⟧退保", 2, "closes a tag, but none is open"),
        ("⟦A⟧我⟦/⟧⟦/⟧", 7, "closes a tag, but none is open"),
        ("我⟦⟧要⟦/⟧", 2, "an id is empty"),
        ("⟦A,⟧要⟦/⟧", 3, "an id is empty"),
        ("⟦,A⟧要⟦/⟧", 1, "an id is empty"),
        ("⟦A, B⟧要⟦/⟧", 3, "an id holds an illegal character"),
        ("⟦A，B⟧要⟦/⟧", 1, "an id holds an illegal character"),
        ("⟦AB,保单⟧要⟦/⟧", 4, "an id holds an illegal character"),
        ("⟦/A⟧要⟦/⟧", 1, "an id holds an illegal character"),
        ("我⟦A⟧⟦/⟧要", 1, "the tag holds no text"),
        ("⟦A⟧⟦B⟧⟦/⟧要⟦/⟧", 3, "the tag holds no text"),
        ("我⟦A 要⟦/⟧", 1, "a bracket that belongs to no tag"),
        ("⟦A⟧要⟦/⟧⟧", 7, "a bracket that belongs to no tag"),
        ("要⟦", 1, "a bracket that belongs to no tag"),
    ],
)
def test_a_faulty_tag_is_refused_with_its_place(tagged, offset, what):
    with pytest.raises(
        AnnotationError, match=re.escape(f"第3行: offset {offset}: {what}")
    ) as fault:
        parse_tags(tagged, name="第3行")
    assert (fault.value.name, fault.value.offset) == ("第3行", offset)


@pytest.mark.parametrize("tagged", ["⟦张三⟧退保⟦/⟧", "张三⟦A⟧退保", "张三⟦/⟧", "⟦张三"])
def test_an_error_never_quotes_the_text(tagged):
    with pytest.raises(AnnotationError) as fault:
        parse_tags(tagged, name="x")
    assert not set("张三退保") & set(str(fault.value))


@pytest.mark.parametrize(
    ("spans", "tagged"),
    [
        ((), "我要退保费"),
        ((Span(2, 4, ("A", "B")),), "我要⟦A,B⟧退保⟦/⟧费"),
        ((Span(2, 4, ("B",)), Span(0, 5, ("A",))), "⟦A⟧我要⟦B⟧退保⟦/⟧费⟦/⟧"),
        ((Span(0, 2, ("B",)), Span(0, 5, ("A",))), "⟦A⟧⟦B⟧我要⟦/⟧退保费⟦/⟧"),
        ((Span(0, 2, ("A",)), Span(2, 5, ("B",))), "⟦A⟧我要⟦/⟧⟦B⟧退保费⟦/⟧"),
        ((Span(0, 2, ("B",)), Span(0, 2, ("A",))), "⟦B⟧⟦A⟧我要⟦/⟧⟦/⟧退保费"),
    ],
)
def test_spans_are_written_as_tags(spans, tagged):
    assert write_tags("我要退保费", spans) == tagged


@pytest.mark.parametrize(
    ("clean", "spans", "message"),
    [
        (
            "我要退保费",
            [Span(2, 5, ("B",)), Span(0, 3, ("A", "C"))],
            "x: offset 2: spans 0-3 (A, C) and 2-5 (B) cross",
        ),
        (
            "我要退保费",
            [Span(0, 5, ("A",)), Span(0, 3, ("B",)), Span(2, 4, ("C",))],
            "x: offset 2: spans 0-3 (B) and 2-4 (C) cross",
        ),
        ("我要", [Span(0, 3, ("A",))], "x: offset 0: span 0-3: wanted 0 <= start < end <= 2"),
        ("我要", [Span(-1, 1, ("A",))], "x: offset -1: span -1-1: wanted 0 <= start"),
        ("我要", [Span(1, 1, ("A",))], "x: offset 1: span 1-1: wanted 0 <= start < end <= 2"),
        ("我要", [Span(0, 1)], "x: offset 0: span 0-1 has no label"),
        ("我要", [Span(1, 2, ("A", ""))], "x: offset 1: span 1-2: an id is empty"),
        ("我要", [Span(1, 2, ("A,B",))], "x: offset 1: span 1-2: an id holds an illegal character"),
        ("我⟧", [], "x: offset 1: the text itself holds a tag bracket"),
    ],
)
def test_spans_that_tags_cannot_hold_are_refused(clean, spans, message):
    with pytest.raises(AnnotationError, match=re.escape(message)):
        write_tags(clean, spans, name="x")


@given(nested())
def test_nested_spans_survive_writing_and_parsing(case):
    clean, spans = case
    assert parse_tags(write_tags(clean, spans), name="x") == (clean, spans)


@given(st.lists(SPANS, max_size=4))
def test_any_spans_are_refused_or_come_back_outermost_first(spans):
    try:
        tagged = write_tags("我要退保费用", spans)
    except AnnotationError:
        return
    found = sorted(spans, key=lambda span: (span.start, -span.end))
    assert parse_tags(tagged, name="x") == ("我要退保费用", tuple(found))


@given(st.lists(st.sampled_from(["⟦", "⟧", "/", "A", ",", "退", "⟦A⟧", "⟦/⟧"])).map("".join))
def test_any_tagged_text_is_refused_or_comes_back(tagged):
    try:
        clean, spans = parse_tags(tagged, name="x")
    except AnnotationError:
        return
    assert write_tags(clean, spans) == tagged
