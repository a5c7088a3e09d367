"""``xiaobao taxonomy``: check, diff, migrate. Imports what it needs when it runs.

Exit codes: 0 done, 1 faults found or rows set aside, 2 wrong usage or unreadable input.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.command_groups import command_group
from training.options import CodebookFile

if TYPE_CHECKING:
    from training.examples.taxonomies.findings import Question

taxonomy = command_group("检查、对比、迁移原因分类 · Check, compare and migrate taxonomies")

_TITLES = {
    "no_examples": "没有例句的原因 causes without examples",
    "same_name": "同级重名 names that stand twice under one parent",
    "untaggable_id": "不能作行内标签的编号 ids that no inline tag can hold",
    "facets": "要素不全 facets",
    "unmet_mark": "手册标志所指原因不在分类中 marks whose cause is not in the taxonomy",
}
_KINDS = {
    "added": "新增 added",
    "removed": "删除 removed",
    "renamed": "改编号 renamed",
    "moved": "移动 moved",
    "name": "改名称 new name",
    "definition": "改定义 new definition",
    "divided": "拆分 divided",
    "joined": "合并 joined",
}


@taxonomy.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="分类文件 · taxonomy (YAML)")],
    codebook: CodebookFile = None,
) -> None:
    """一次列出全部错误和待核事项 · All faults of a taxonomy at once, then what to look at."""
    from models.codebook import default_codebook, load_codebook
    from models.strict_yaml import read_text
    from models.taxonomy import TaxonomyError, find_faults, parse_taxonomy
    from training.examples.taxonomies.findings import find_questions

    text = read_text(file, error=TaxonomyError)
    faults = find_faults(text, name=str(file))
    for fault in faults:
        typer.echo(fault)
    if faults:
        typer.echo(f"{file}: {len(faults)} 处错误 faults", err=True)
        raise typer.Exit(1)
    parsed = parse_taxonomy(text, name=str(file))
    book = load_codebook(codebook) if codebook else default_codebook()
    _show_findings(find_questions(parsed, book))
    typer.echo(
        f"{file}: {len(parsed.causes)} 个原因 causes,{parsed.depth} 级 levels,无错误 no faults",
        err=True,
    )


@taxonomy.command()
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="原分类 · taxonomy before")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="新分类 · taxonomy after")],
    draft: Annotated[
        Path | None, typer.Option("--draft", help="写出映射初稿 · write a mapping to begin with")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
) -> None:
    """列出增删、改编号、移动、改定义 · What changed from one taxonomy to another."""
    import json
    from dataclasses import asdict

    from models.taxonomy import load_taxonomy
    from models.whole_files import keep_inputs, keep_work
    from training.examples.taxonomies.differences import KINDS, compare
    from training.examples.taxonomies.mapping import draft_mapping
    from training.examples.whole_files import write_whole

    if draft is not None:
        keep_inputs((draft,), (old, new))
        keep_work(draft, holds="decisions")
    found = compare(load_taxonomy(old), load_taxonomy(new))
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in found.changes], ensure_ascii=False))
    for kind in () if as_json else KINDS:
        changes = [change for change in found.changes if change.kind == kind]
        if changes:
            typer.echo(f"{_KINDS[kind]} ({len(changes)})")
        for change in changes:
            typer.echo(f"  {change}")
    if draft is not None:
        write_whole(draft, draft_mapping(found).encode("utf-8"))
        typer.echo(f"映射初稿 draft: {draft}", err=True)
    typer.echo(f"{len(found.changes)} 处变化 changes", err=True)


@taxonomy.command()
def migrate(
    labelled: Annotated[Path, typer.Argument(metavar="LABELLED", help="标注文件 · labelled file")],
    map_file: Annotated[Path, typer.Option("--map", help="映射文件 · mapping (YAML)")],
    out: Annotated[Path, typer.Option("--out", help="迁移后的 jsonl · migrated rows")],
    target: Annotated[
        Path | None, typer.Option("--taxonomy", help="新分类,用于核对新码 · to check new codes by")
    ] = None,
) -> None:
    """把旧码标注换成新码 · Put labelled rows into another taxonomy; nothing is lost.

    Rows that cannot be migrated go to NAME.aside.jsonl with their reasons; NAME.report.json holds
    counts and case ids.
    """
    from models.taxonomy import load_taxonomy
    from models.whole_files import keep_inputs
    from training.examples.taxonomies.mapping import MappingError, load_mapping
    from training.examples.taxonomies.migrating import WHY, migrate_file
    from training.examples.whole_files import write_json, write_lines

    aside, counts = out.with_suffix(".aside.jsonl"), out.with_suffix(".report.json")
    keep_inputs((out, aside, counts), (labelled, map_file, target))
    if out.suffix != ".jsonl":
        raise MappingError(f"--out: found {out.name}, wanted a file that ends in .jsonl")
    mapping = load_mapping(map_file)
    leaves = load_taxonomy(target).leaves if target is not None else None
    if leaves is not None:
        mapping.check_known(leaves, name=str(map_file))
    found = migrate_file(labelled, mapping)
    report = found.as_json()
    write_lines(out, found.rows)
    write_lines(aside, found.aside)
    write_json(counts, report)
    for why, title in WHY.items():
        for code, held in report[why].items():
            typer.echo(f"{title}: {code} {held['rows']} 条 rows", err=True)
    for fault in found.faults:
        typer.echo(str(fault), err=True)
    for code, count in sorted(found.codes_beside(leaves).items() if leaves is not None else ()):
        typer.echo(f"照旧保留,新分类中没有 kept, not in {target}: {code} {count} 条 rows", err=True)
    if report["ignored_columns"]:
        names = ", ".join(report["ignored_columns"])
        typer.echo(f"未迁移的列 columns left behind: {names}", err=True)
    typer.echo(f"{out}: {len(found.rows)} 条 rows;{aside}: {len(found.aside)} 条 rows", err=True)
    raise typer.Exit(1 if found.aside else 0)


def _show_findings(findings: "tuple[Question, ...]") -> None:
    for kind, title in _TITLES.items():
        own = [finding for finding in findings if finding.kind == kind]
        if own:
            typer.echo(f"{title} ({len(own)})")
        for finding in own:
            typer.echo(f"  {finding}")
