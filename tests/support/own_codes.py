"""Invented code tables of insurers, one level and three levels, and labelled rows for them."""

import json
import re
from pathlib import Path
from typing import Any

from tests.support.places import COMPLAINTS

# Code, name, and what a complaint under it says.
TWELVE = (
    ("01", "理赔慢", "理赔资料交齐很久没有结果"),
    ("02", "拒赔", "住院费用全部不予赔付"),
    ("03", "退保少", "退保拿回的钱比交的少"),
    ("04", "误导", "业务员当时说是存款"),
    ("05", "代签", "投保单上不是我签的字"),
    ("06", "扣款", "卡里被多扣了一笔保费"),
    ("07", "失效", "保单失效没有人通知"),
    ("08", "变更", "改个电话跑了好几趟"),
    ("09", "态度", "柜员说话很难听"),
    ("10", "系统", "手机软件一直登不上去"),
    ("11", "骚扰", "推销电话一天好几个"),
    ("99", "不清", "请你们处理一下这件事"),
)

ONE_LEVEL = "\n".join(
    [
        'version: "2026-A"',
        "ids: own",
        "level1:",
        *(
            f'  - {{id: "{code}", zh: {name}, definition: {said}, bulletin_type: 服务其他}}'
            for code, name, said in TWELVE[:-1]
        ),
        'fallback: "99"',
        'technical: [{id: "99", zh: 不清, definition: 未说明原因, bulletin_type: 服务其他}]',
    ]
)

THREE_LEVELS = """
version: "7"
level1:
  - id: XS
    zh: 销售
    definition: 销售环节
    bulletin_type: 销售
    children:
      - id: YB
        zh: 银保
        definition: 银行渠道
        children:
          - {id: WD, zh: 误导, definition: 说成存款, examples: [柜员说是存款]}
          - {id: DQ, zh: 代签, definition: 他人签名, examples: [字不是我签的]}
      - id: GX
        zh: 个险
        definition: 代理人渠道
        bulletin_type: 承保
        children:
          - {id: WD, zh: 误导, definition: 夸大收益, exclude: [{to: XS.YB, when: 银行柜面}]}
          - {id: GD, zh: 孤儿单, definition: 无人服务}
  - id: LP
    zh: 理赔
    definition: 理赔环节
    bulletin_type: 理赔
    children:
      - {id: MAN, zh: 慢, definition: 时效}
      - id: JE
        zh: 金额
        definition: 赔付多少
        children: [{id: SHAO, zh: 少赔, definition: 少于预期}]
  - {id: QT, zh: 其他, definition: 其余, bulletin_type: 服务其他}
fallback: QT
"""
DEEP = {
    "XS.YB.WD": "银行柜员跟我说是存款",
    "XS.YB.DQ": "银行单子上的字不是我签的",
    "XS.GX.WD": "业务员把收益说得天花乱坠",
    "XS.GX.GD": "原来的业务员走了没人管我",
    "LP.MAN": "理赔资料交齐很久没有结果",
    "LP.JE.SHAO": "赔下来的钱比条款写的少",
    "QT": "请你们处理一下这件事",
}


def rows_of(said: dict[str, str], *, count: int) -> list[dict[str, Any]]:
    """``count`` labelled rows in turn over the codes, each with its evidence, none like another."""
    codes, sentences = list(said), _sentences()
    return [_row(number, codes[number % len(codes)], said, sentences) for number in range(count)]


def _row(number: int, code: str, said: dict[str, str], sentences: list[str]) -> dict[str, Any]:
    words = said[code]
    before, after = sentences[2 * number : 2 * number + 2]
    text = f"{before}。{words},{after}。"
    start = len(before) + 1
    span = {"start": start, "end": start + len(words), "labels": [code]}
    return {"case_id": f"T-{number:04d}", "text": text, "primary": code, "spans": [span]}


def _sentences() -> list[str]:
    """Sentences of the samples: what complainants say beside the cause that a row is about."""
    texts = (json.loads(line)["text"] for line in COMPLAINTS.read_text("utf-8").splitlines()[:800])
    parts = (part.strip() for text in texts for part in re.split("[。!?\n]", text))
    return list(dict.fromkeys(part for part in parts if 18 <= len(part) <= 40))


def write_table(directory: Path, *, deep: bool, count: int = 200) -> tuple[Path, Path]:
    """The taxonomy and the labelled rows as files."""
    taxonomy, data = directory / "own.yaml", directory / "rows.jsonl"
    taxonomy.write_text(THREE_LEVELS if deep else ONE_LEVEL, "utf-8")
    said = DEEP if deep else {code: words for code, _, words in TWELVE}
    lines = (json.dumps(row, ensure_ascii=False) for row in rows_of(said, count=count))
    data.write_text("\n".join(lines) + "\n", "utf-8")
    return taxonomy, data
