"""The page of signs, protective marks and levels, from the codebook that comes with the package."""

from collections.abc import Iterator

from handbook.markdown import code, page, table
from models.codebook import Codebook, Sign
from models.marks import Mark

_ABOUT = (
    "提示仅供核验,不影响受理、时限和处理结果。 "
    "A sign is a question to verify: it never refuses, delays or lowers a complaint.\n\n"
    "保险公司可以换掉文件 `models/taxonomies/agent_signs.yaml`,不改代码。 "
    "An insurer may replace the file.\n"
)


def codebook_page(codebook: Codebook) -> str:
    """Levels, signs by group, protective marks."""
    count = f"{len(codebook.signs)} 个迹象 signs, {len(codebook.marks)} 个保护标记 marks"
    return page(
        "迹象手册 · Codebook of signs",
        _ABOUT,
        f"版本 version {codebook.version}: {count}.\n",
        "## 级别 · Levels\n",
        table(
            ("级别 level", "标识 id", "含义 meaning"),
            ((level.zh, code(level.id), level.meaning) for level in codebook.levels),
        ),
        *_groups(codebook),
        "## 保护标记 · Protective marks\n",
        "保护标记只会降低级别,从不提高。 A mark can only lower a level.\n",
        table(("标记 mark", "标识 id", "作用 effect", "例 example"), map(_mark, codebook.marks)),
    )


def _groups(codebook: Codebook) -> Iterator[str]:
    strengths = {strength.id: strength.zh for strength in codebook.strengths}
    for group in codebook.groups:
        signs = [sign for sign in codebook.signs if sign.group == group.id]
        yield f"## {group.zh} `{group.id}`\n"
        yield from (_sign(sign, strengths[sign.strength]) for sign in signs)


def _sign(sign: Sign, strength: str) -> str:
    return "\n".join(
        [
            f"### {sign.zh} `{sign.id}`\n",
            f"{sign.definition}\n",
            f"- 强度 strength: {strength} {sign.strength}",
            f"- 见于 seen in: {', '.join(sign.where)}",
            f"- 善意解释 innocent reading: {sign.innocent_reading}",
            f"- 如何核验 how to verify: {sign.verify}",
            f"- 说法 phrasings: {' / '.join(sign.phrasings)}\n",
        ]
    )


def _mark(mark: Mark) -> tuple[str, str, str, str]:
    return mark.zh, code(mark.id), mark.statement, mark.example
