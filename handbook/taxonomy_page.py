"""The page of root causes, from the taxonomy that comes with the package."""

from collections.abc import Iterator

from handbook.markdown import cell, code, page, table
from models.taxonomy import Cause, Exclude, Parent, RootCauseTaxonomy

_ABOUT = (
    "原因是投诉所**主张**的,不是已查明的。 "
    "A cause is what the text alleges, never what is proved.\n\n"
    "保险公司可以换掉文件 `models/taxonomies/root_causes.yaml`,不改代码;标识的意义不变。 "
    "An insurer may replace the file; ids are identity.\n"
)


def taxonomy_page(taxonomy: RootCauseTaxonomy) -> str:
    """Level-1 causes with their leaves, borders and examples; facets and rules at the end."""
    about = f"版本 version {taxonomy.version}: {len(taxonomy.parents)} 个一级原因 level-1 causes, "
    about += f"{len(taxonomy.causes)} 个可给出的原因 causes that may be given.\n"
    parts = (_parent(parent, taxonomy) for parent in taxonomy.parents)
    return page("根因 · Root causes", _ABOUT, about, *parts, *_rest(taxonomy))


def _parent(parent: Parent, taxonomy: RootCauseTaxonomy) -> str:
    causes = [cause for cause in taxonomy.causes if cause.parent == parent.id]
    return "\n".join(
        [
            f"## {parent.zh} `{parent.id}`\n",
            f"{parent.definition} 通报类别 bulletin type: {parent.bulletin_type}.\n",
            *_borders(parent.excludes),
            table(("原因 cause", "标识 id", "含义 meaning", "例 examples"), map(_cause, causes)),
        ]
    )


def _cause(cause: Cause) -> tuple[str, str, str, str]:
    meaning = " ".join([cause.definition, *(_border(exclude) for exclude in cause.excludes)])
    return cause.zh, code(cause.id), meaning, " / ".join(cause.examples)


def _borders(excludes: tuple[Exclude, ...]) -> Iterator[str]:
    if excludes:
        yield "不属于此类 not here:\n"
        yield "\n".join(f"- {_border(exclude)}" for exclude in excludes) + "\n"


def _border(exclude: Exclude) -> str:
    return f"→ {code(exclude.to)}: {cell(exclude.when)}"


def _rest(taxonomy: RootCauseTaxonomy) -> Iterator[str]:
    yield "## 其他要素 · Facets\n"
    rows = ((code(name), ", ".join(map(code, ids))) for name, ids in taxonomy.facets.items())
    yield table(("要素 facet", "取值 values"), rows)
    if taxonomy.primary_rules:
        yield "## 主要原因怎么选 · Rules for the primary cause\n"
        yield "\n".join(f"{n}. {rule}" for n, rule in enumerate(taxonomy.primary_rules, 1)) + "\n"
