"""Small pieces of Markdown, so that a value from code can never break a table. Knows no page."""

from collections.abc import Iterable, Sequence

GENERATED = (
    '!!! info "由代码生成 · Written from the code"\n'
    "    此页由 `make docs` 从代码和数据写成,不手工修改。 "
    "`make docs` writes this page; nobody edits it.\n"
)
"""What stands under the title of every page that no person wrote."""


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; a cell may hold any text: bars and line breaks are made harmless."""
    lines = [list(header), ["---"] * len(header), *([cell(part) for part in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def cell(value: object) -> str:
    """One cell of a table: no bar and no line break; None is empty."""
    text = "" if value is None else str(value)
    return " ".join(text.split()).replace("|", "\\|")


def code(value: object) -> str:
    """The value as code, empty for an empty one."""
    text = "" if value is None else str(value)
    return f"`{text}`" if text else ""


def title_of(text: str) -> str | None:
    """The first heading of a page; None where it has none."""
    headings = (line[2:].strip() for line in text.splitlines() if line.startswith("# "))
    return next(headings, None)


def page(title: str, *parts: str) -> str:
    """A generated page: its title, the word that it is generated, then the parts."""
    return "\n".join([f"# {title}\n", GENERATED, *parts])
