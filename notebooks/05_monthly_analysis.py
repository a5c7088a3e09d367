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
# # 05 月度分析
# *Monthly analysis for management*
#
# 这一本回答管理层的问题:来件多少、为什么、哪类在涨而且不是偶然、集中在哪些渠道、复核要多少人手。
# 先把文件交给 `serving.files`(同 `xiaobao assess 文件 --out 结果.parquet`),再用 pandas 汇总。
# 结果文件只有标签和数字,没有投诉原文。
#
# 样例 `groups.jsonl` 有受理日期,172 件、22 个月,所以这里按季度比较;自己的数据按月:`PERIOD = "M"`。
# `XIAOBAO_NOTEBOOK_ROWS` 限制读多少件(默认全部)。

# %%
import os
import tempfile
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from models.analyzer import load_analyzer
from serving.files.scoring import score_file
from training.evaluation.charts import Charts, font_notice
from training.evaluation.plots import Lettering, chinese_font
from training.evaluation.trends import change_of

ROWS = int(os.environ.get("XIAOBAO_NOTEBOOK_ROWS", "100000"))
PERIOD = "Q"
SAMPLES = next(
    p / "data_samples" for p in (Path.cwd(), *Path.cwd().parents) if (p / "data_samples").is_dir()
)
folder = tempfile.TemporaryDirectory()  # 内核关闭时删除 removed with the kernel
scratch = Path(folder.name)

analyzer = load_analyzer()
taxonomy, codebook = analyzer.bundle.taxonomy, analyzer.bundle.codebook
names = {
    node.id: node.zh
    for node in (
        *taxonomy.parents,
        *taxonomy.causes,
        *codebook.routes,
        *codebook.levels,
        *codebook.marks,
    )
}
charts = Charts(Lettering(chinese_font()), names)
print(font_notice(charts.lettering))

# %% [markdown]
# ## 一份台账
# *A worklist as intake exports it*
#
# 样例转成 Excel,列名如业务系统。自己的文件:把 `WORKLIST` 指过去,跳过转换。

# %%
WORKLIST = scratch / "worklist.xlsx"
stories = pd.json_normalize(pd.read_json(SAMPLES / "groups.jsonl", lines=True).to_dict("records"))
columns = {
    "case_id": "工单号",
    "meta.received_at": "受理时间",
    "text": "投诉内容",
    "genre": "文本类型",
    "source": "投诉渠道",
    "channel": "销售渠道",
    "product": "险种名称",
}
stories = stories.sample(min(ROWS, len(stories)), random_state=0).sort_values("meta.received_at")
stories[list(columns)].rename(columns=columns).to_excel(WORKLIST, index=False)

# %% [markdown]
# ## 读全部来件
# *Assess the file*
#
# 中断后重跑同一格会接着做。坏行写在结果旁的 `*.errors.jsonl`。

# %%
answers_file = scratch / "answers.parquet"
outcome = score_file(WORKLIST, answers_file, analyzer=analyzer)
print(f"{outcome.answered} 件,坏行 {outcome.failed}")
answers = pd.read_parquet(answers_file)
table = pd.read_excel(WORKLIST, dtype=str)  # 工单号 0071 不是 71
cases = answers.merge(table, how="left", left_on="case_id", right_on="工单号")
days = pd.to_datetime(cases["受理时间"].str[:10], errors="coerce")
print(f"受理时间读不出的 {days.isna().sum()} 件,不在以下各月")
cases["月"], cases["期"] = days.dt.to_period("M"), days.dt.to_period(PERIOD)
parent_of = {cause.id: cause.parent for cause in taxonomy.causes}
cases["一级"] = cases["primary_id"].map(parent_of)
complaints = cases[cases["record_type"] == "complaint"]
print(f"投诉 {len(complaints)} 件;咨询、表扬等 {len(cases) - len(complaints)} 件不计入以下各表")

# %% [markdown]
# ## 来件量
# *Volume by month*

# %%
volume = (
    complaints.groupby("月")
    .size()
    .reindex(pd.period_range(cases["月"].min(), cases["月"].max(), freq="M"), fill_value=0)
)
charts.lines(
    [str(month) for month in volume.index],
    {"complaints": volume.tolist()},
    title=("每月来件", "complaints by month"),
    unit=("件数", "records"),
)

# %% [markdown]
# ## 原因
# *Root causes by period*

# %%
by_period = complaints.groupby(["一级", "期"]).size().unstack(fill_value=0)
by_period = by_period.loc[by_period.sum(axis=1).sort_values(ascending=False).index]
charts.heat(
    {
        (cause, str(period)): int(count)
        for cause, row in by_period.iterrows()
        for period, count in row.items()
    },
    title=("一级原因与时期", "level-1 cause by period"),
    down=("一级原因", "level-1 cause"),
    across=("时期", "period"),
)

# %%
top = complaints["primary_id"].value_counts().head(10)
charts.bars(
    top.to_dict(), title=("最多的十个主因", "ten most frequent causes"), unit=("件数", "records")
)

# %% [markdown]
# 按监管通报口径。 *By the regulator's dispute types.*

# %%
complaints["bulletin_type"].value_counts().rename_axis("通报类型").to_frame("件数")

# %% [markdown]
# ## 涨跌:是不是偶然
# *Changes: by more than chance or not*
#
# 比较最近两个完整时期。“倍数”是占全部投诉之比的变化;区间含 1,就不能说变了。
# 件数少时,翻一番也常是偶然:不要为它写整改。一次看十几行,偶尔有一行会碰巧越界;一次系统故障带来的几件
# 是一件事,看起来却像几件(样例里的续期扣费就是):先看分组(03),再下结论。

# %%
periods = sorted(complaints["期"].dropna().unique())
if len(periods) < 3:
    raise SystemExit(f"只有 {len(periods)} 个时期;比较两个完整的,至少要三个(最后一期未满)")
before, after = periods[-3], periods[-2]
totals = (int(by_period[before].sum()), int(by_period[after].sum()))
total = change_of(*totals)
print(
    f"{before}: {total.before} 件 → {after}: {total.after} 件,{total.ratio:.2f} 倍 [{total.low:.2f}, {total.high:.2f}]"
)
compared = by_period[by_period[[before, after]].sum(axis=1) > 0]
changes = {
    cause: change_of(int(row[before]), int(row[after]), among=totals)
    for cause, row in compared.iterrows()
}
pd.DataFrame(
    [
        (names[cause], *asdict(change).values(), change.beyond_chance)
        for cause, change in changes.items()
    ],
    columns=["一级原因", str(before), str(after), "倍数", "下限", "上限", "超出偶然"],
).round(2)

# %% [markdown]
# ## 集中在哪里
# *Where: sales channel by cause*

# %%
where = complaints.groupby(["一级", "销售渠道"]).size()
charts.heat(
    {(cause, channel): int(count) for (cause, channel), count in where.items()},
    title=("一级原因与销售渠道", "level-1 cause by sales channel"),
    down=("一级原因", "level-1 cause"),
    across=("销售渠道", "sales channel"),
)

# %% [markdown]
# ## 需要特别照顾的客户
# *Customers who need special care*
#
# 由保护标志与身份看出:亲属代办、继承、难以联系、受害报案等。他们的件先办好,再谈指标。

# %%
complaints.explode("marks")["marks"].map(names).value_counts().rename_axis("保护标志").to_frame(
    "件数"
)

# %% [markdown]
# ## 复核工作量
# *Review load*
#
# 需要帮助的人(安全关怀、受害帮扶)在前,没有级别。级别只建议由谁复核,不是结论,也不是考核指标;不得据此拒绝或拖延任何一件。

# %%
load = (
    complaints.assign(提示=complaints["route"].fillna(complaints["level"]).map(names))
    .groupby(["期", "提示"])
    .size()
    .unstack(fill_value=0)
)
load["送人工复核"] = complaints.groupby("期")["review_needed"].sum()
advice = [one.zh for one in (*codebook.routes, *codebook.levels)]
load = load.reindex(columns=[*advice, "送人工复核"], fill_value=0)
load.tail(6)

# %% [markdown]
# ## 交给管理层
# *Hand over: one workbook, no words of any complaint*

# %%
report = scratch / "monthly.xlsx"
with pd.ExcelWriter(report) as book:
    volume.rename("件数").rename_axis("月").to_frame().reset_index().astype({"月": str}).to_excel(
        book, sheet_name="来件量", index=False
    )
    by_period.rename(index=names).rename(columns=str).to_excel(book, sheet_name="原因")
    load.reset_index().astype({"期": str}).to_excel(book, sheet_name="复核", index=False)
print(report.name, pd.ExcelFile(report).sheet_names)
