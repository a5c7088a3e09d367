"""Inline annotation: ``⟦ID,ID⟧…⟦/⟧`` in a text, as editors write it, to and from spans.

Knows nothing about which ids exist. Tags may nest but not cross, for a closing tag names no id:
crossing spans live in the stored format only (spans beside the clean text). There is no escape:
a text that itself holds ⟦ or ⟧ cannot be written.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise

from models.errors import XiaobaoError
from models.record import Span

END_TAG = "⟦/⟧"

_TAG = re.compile("⟦([^⟦⟧]*)⟧")
_BRACKET = re.compile("[⟦⟧]")
_ILLEGAL = re.compile(r"[^A-Za-z0-9_.\-]")


class AnnotationError(XiaobaoError):
    """Tags that are no annotation, or spans that cannot be written as tags.

    ``name`` says which text, ``offset`` where in it (code points), ``what`` what is wrong there;
    none of them quotes the text.
    """

    def __init__(self, name: str, offset: int, what: str) -> None:
        super().__init__(f"{name}: offset {offset}: {what}")
        self.name = name
        self.offset = offset
        self.what = what


def parse_tags(text: str, *, name: str) -> tuple[str, tuple[Span, ...]]:
    """The text without its tags, and their spans over it in the order in which they open.

    Raises AnnotationError, with its offset in the tagged text, for a tag that is not closed,
    closes nothing, holds no text or has an empty or illegal id, and for a stray bracket.
    """
    _check_brackets(text, name=name)
    parts: list[str] = []
    spans: dict[int, Span] = {}  # by the offset of the opening tag
    still_open: list[tuple[int, int, tuple[str, ...]]] = []
    done = clean = 0
    for tag in _TAG.finditer(text):
        at = tag.start()
        parts.append(text[done:at])
        clean, done = clean + at - done, tag.end()
        if tag[0] != END_TAG:
            still_open.append((at, clean, _parse_ids(tag[1], at + 1, name=name)))
        elif still_open:
            opened, start, labels = still_open.pop()
            spans[opened] = _span_of(start, clean, labels, opened=opened, name=name)
        else:
            raise AnnotationError(name, at, "closes a tag, but none is open")
    parts.append(text[done:])
    if still_open:
        raise AnnotationError(name, still_open[-1][0], f"the tag is not closed, wanted {END_TAG}")
    return "".join(parts), tuple(spans[at] for at in sorted(spans))


def write_tags(clean: str, spans: Iterable[Span], *, name: str = "text") -> str:
    """The text with its spans as tags, so that ``parse_tags`` gives both back.

    Spans come back in order of start, the outer first; equal stretches keep their order.
    Raises AnnotationError, with its offset in the clean text, where the text holds a bracket, a
    span lies outside it or is empty, a span has no or an illegal label, or two spans cross.
    """
    ordered = sorted(spans, key=lambda span: (span.start, -span.end))
    if bracket := _BRACKET.search(clean):
        raise AnnotationError(name, bracket.start(), "the text itself holds a tag bracket")
    for span in ordered:
        _check_span(span, length=len(clean), name=name)
    _check_nesting(ordered, name=name)
    # What ends at a place is closed before anything opens there; closing tags are all alike.
    tags = [(span.end, 0, END_TAG) for span in ordered]
    tags += [(s.start, rank, f"⟦{','.join(s.labels)}⟧") for rank, s in enumerate(ordered, start=1)]
    tags.sort()
    places = [0, *(place for place, _, _ in tags), len(clean)]
    stretches = (clean[start:end] for start, end in pairwise(places))
    written = chain((tag for _, _, tag in tags), [""])
    return "".join(chain.from_iterable(zip(stretches, written, strict=True)))


def _check_brackets(text: str, *, name: str) -> None:
    stray = _BRACKET.search(_TAG.sub(lambda tag: " " * len(tag[0]), text))
    if stray:
        raise AnnotationError(name, stray.start(), "a bracket that belongs to no tag")


def _parse_ids(inner: str, at: int, *, name: str) -> tuple[str, ...]:
    ids = tuple(inner.split(","))
    for one in ids:
        if fault := _fault_of(one):
            raise AnnotationError(name, at, fault)
        at += len(one) + 1
    return ids


def _fault_of(one: str) -> str | None:
    """What is wrong with an id; what it holds may be complaint text, so that is not shown."""
    if not one:
        return "an id is empty"
    if _ILLEGAL.search(one):
        return "an id holds an illegal character, wanted A-Z a-z 0-9 _ . - and commas between ids"
    return None


def _span_of(start: int, end: int, labels: tuple[str, ...], *, opened: int, name: str) -> Span:
    if start == end:
        raise AnnotationError(name, opened, "the tag holds no text")
    return Span(start, end, labels)


def _check_span(span: Span, *, length: int, name: str) -> None:
    place = f"span {span.start}-{span.end}"
    if not 0 <= span.start < span.end <= length:
        wanted = f"wanted 0 <= start < end <= {length}"
        raise AnnotationError(name, span.start, f"{place}: {wanted}")
    if not span.labels:
        raise AnnotationError(name, span.start, f"{place} has no label")
    for label in span.labels:
        if fault := _fault_of(label):
            raise AnnotationError(name, span.start, f"{place}: {fault}")


def _check_nesting(ordered: Sequence[Span], *, name: str) -> None:
    around: list[Span] = []
    for span in ordered:
        while around and around[-1].end <= span.start:
            around.pop()
        if around and around[-1].end < span.end:
            both = f"spans {_shown(around[-1])} and {_shown(span)} cross"
            raise AnnotationError(name, span.start, f"{both}; wanted one within the other or apart")
        around.append(span)


def _shown(span: Span) -> str:
    return f"{span.start}-{span.end} ({', '.join(span.labels)})"
