# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 04 用自己的数据
# *Your own data: import, check, map own codes, fine-tune, compare, publish a bundle*
#
# 这一本走完全程:从 Excel 或 CSV 读入带原因代码的投诉,检查,把本公司代码对应到分类,在其上微调,
# 与内置模型比较,最后发布模型包。全部在本机的临时文件夹里进行,不联网。
#
# 为了两分钟内跑完,这里只用至多 200 行短文、训练一轮(`XIAOBAO_NOTEBOOK_ROWS` 可改行数)。**这样训练的模型不能用**,
# 只为演示步骤;真正训练用 `xiaobao train --data 文件 --out 目录`,数千件、默认轮次。

# %%
import os
import tempfile
from collections import Counter
from itertools import islice
from pathlib import Path

import pandas as pd
import torch
from IPython.display import Markdown

from models.analyzer import load_analyzer
from models.bundle import load_bundle
from models.rows import ALIASES, read_rows
from serving.shelf import Shelf
from training.evaluation.charts import Charts, font_notice
from training.evaluation.evaluating import choose
from training.evaluation.measuring import headline_of, measure_part
from training.evaluation.plots import Lettering, chinese_font
from training.examples.checking import check
from training.examples.codes import read_code_table, recode
from training.examples.datasheet import load_corpus
from training.examples.provenance import learned_from
from training.examples.reading import load_examples
from training.tuning.settings import FitSettings, TrainSettings
from training.tuning.tune import train

ROWS = int(os.environ.get("XIAOBAO_NOTEBOOK_ROWS", "200"))
SAMPLES = next(
    p / "data_samples" for p in (Path.cwd(), *Path.cwd().parents) if (p / "data_samples").is_dir()
)
folder = tempfile.TemporaryDirectory()  # 内核关闭时删除 removed with the kernel
scratch = Path(folder.name)

embedded = load_analyzer()
taxonomy, codebook, labels = (
    embedded.bundle.taxonomy,
    embedded.bundle.codebook,
    embedded.bundle.labels,
)
names = {cause.id: cause.zh for cause in taxonomy.causes}
charts = Charts(Lettering(chinese_font()), names)
print(font_notice(charts.lettering))

# %% [markdown]
# ## 准备一份“本公司导出”
# *A stand-in for your export*
#
# 您有自己的文件时跳过这一格,把 `EXPORT` 和 `CODE_TABLE` 指过去即可。这里用内置模型没学过的样例中一百字以内的,
# 换上虚构的代码 TS01、TS02……:另有一个没有对应的代码 TS99、一个表外代码和一行空文本,好看它们怎样被报出。

# %%
EXPORT, CODE_TABLE = scratch / "export.xlsx", scratch / "codes.csv"

corpus = load_corpus(SAMPLES).records
short = [record for record in corpus if len(record.record.text) < 100]
fresh = [record for record in short if not learned_from([record.record], embedded.bundle.manifest)]
common = [cause for cause, _ in Counter(record.primary for record in fresh).most_common(24)]
code_of = {cause: f"TS{at:02d}" for at, cause in enumerate(common, start=1)}
rows = [
    (record.record.case_id, record.record.text, code_of[record.primary], record.record.genre)
    for record in fresh
    if record.primary in code_of
][:ROWS]
rows += [
    ("T-901", "转人工要等很久,希望改进。", "TS99", None),
    ("T-902", "请回电。", "TS77", None),
    ("T-903", None, "TS01", None),
]
pd.DataFrame(rows, columns=["工单号", "投诉内容", "原因代码", "文本类型"]).to_excel(
    EXPORT, index=False
)
pd.DataFrame(
    [*((code, cause) for cause, code in code_of.items()), ("TS99", "")], columns=["code", "cause"]
).to_csv(CODE_TABLE, index=False)

# %% [markdown]
# ## 列名
# *Column names*
#
# 常见的中文列名不用配置;其他列名用 `fields` 指明。CSV 自动辨认 UTF-8 与 GB18030、逗号与制表符。

# %%
print(
    {
        field: found[:4]
        for field, found in ALIASES.items()
        if field in ("text", "case_id", "received_at")
    }
)
for row in islice(read_rows(EXPORT, also=("primary",), fields={"原因代码": "primary"}), 2):
    print(row.number, {name: str(value)[:24] for name, value in row.values.items() if value})

# %% [markdown]
# ## 代码对应
# *Own codes to the taxonomy*
#
# 代码表两列:`code`、`cause`。`cause` 留空表示没有对应:这样的件不猜,搁在一边并计数。

# %%
table = read_code_table(CODE_TABLE, causes=labels.causes)
pd.DataFrame(
    [(code, cause, names.get(cause, "没有对应")) for code, cause in table.items()],
    columns=["代码", "标识", "名称"],
)

# %% [markdown]
# ## 读入
# *Import: each bad row is named, the others go on*

# %%
examples = load_examples(
    [EXPORT],
    causes=table,
    signs=labels.signs,
    marks=labels.marks,
    facets=taxonomy.facets,
    fields={"原因代码": "primary"},
)
print(f"读入 {len(examples.records)} 件")
for fault in examples.faults:
    print(f"  行 {fault.row} {fault.field}: {fault.reason}")

# %%
recoded = recode(examples.records, table)
records = recoded.records
print(f"有对应 {len(records)} 件;没有对应 {dict(recoded.without_target)}")

# %% [markdown]
# ## 检查
# *check-data: duplicates, rare labels, missing evidence*
#
# 导出里没有证据划线,所以每件都会报 `no_evidence`:可以训练,但证据学得少,仍靠分类自带的例句。

# %%
report = check(examples)
print(f"切分 {report.split_sizes},证据 {report.spans.count} 段")
pd.DataFrame(Counter(finding.kind for finding in report.findings).items(), columns=["发现", "件数"])

# %%
charts.bars(
    dict(Counter(record.primary for record in records).most_common()),
    title=("主因", "primary cause"),
    unit=("件数", "records"),
)

# %% [markdown]
# ## 微调
# *Fine-tune the embedded encoder*
#
# 与 `xiaobao train --data export.xlsx --out 目录 --epochs 1` 同一函数。可中断,重来时接着训练。
# 有自己的编码器时,`base` 写它的目录(Hugging Face 格式)。

# %%
settings = TrainSettings(
    fractions=(0.6, 0.2, 0.2), fit=FitSettings(epochs=1, batch_tokens=2048, noise=0.0)
)
shelf = scratch / "bundles"
shelf.mkdir()
trained = train(
    records,
    directory=shelf / "own-2025-01",
    settings=settings,
    device=torch.device("cpu"),
    stage=lambda name: print(name),
    on_epoch=lambda epoch: print(
        f"  轮次 {epoch.number}: 损失 {epoch.loss:.3f},开发集 {epoch.score:.3f}"
    ),
)

# %% [markdown]
# ## 与内置模型比较
# *Compare with the embedded model, on the same held-out complaints*
#
# 同一把尺:同样的测试件,内置模型也没学过它们,只在其中一部分上选过阈值。这里样本很少,区间很宽;一轮训练赢不了内置模型,本该如此。

# %%
own = trained.analyzer
test = [records[place] for place in choose(records, own.bundle.manifest, part="test").places]
sides = {
    "own": next(measured.network for measured in trained.measured if measured.part == "test"),
    "embedded": measure_part("test", test, analyzer=embedded, baseline=None).network,
}
pd.DataFrame({name: headline_of(evaluation) for name, evaluation in sides.items()}).round(3)

# %%
charts.bars(
    {
        f"{name}, level {level}": figure.value
        for name, e in sides.items()
        for level, figure in ((1, e.level1_accuracy), (2, e.level2_accuracy))
    },
    title=("主因准确率", "accuracy of the primary cause"),
    unit=("准确率", "accuracy"),
)

# %% [markdown]
# ## 发布模型包
# *Publish the bundle*
#
# 模型包是一个目录:写在旁边,整个移到位;读入时核对每个文件的摘要,并重算金样输入。改动一个字节就拒绝。

# %%
bundle = load_bundle(shelf / "own-2025-01")
pd.DataFrame(bundle.manifest["files"]).T

# %%
Markdown(bundle.file("card.md").read_text("utf-8"))

# %% [markdown]
# 服务换用新包而不停机,也能退回:这里用服务自己的货架演示。上线是 `xiaobao serve --bundle 目录`;
# 设了 `XIAOBAO_BUNDLES` 的服务由管理员按名字切换(见 `docs/operations.md`)。
# *A running service takes a bundle into use by name, and goes back.*

# %%
served = Shelf(embedded, directory=shelf, load=load_analyzer)
served.use(served.open("own-2025-01"))
print("现用", served.active.bundle.name)
served.roll_back()
print("退回", served.active.bundle.name)
