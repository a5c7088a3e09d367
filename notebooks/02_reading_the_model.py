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
# # 02 读懂模型
# *Reading the model: errors, confusions, calibration, thresholds and cost, learning curve, slices*
#
# 这一本回答:模型错在哪里、说 80 % 时对不对、阈值该放哪里、再标多少数据值得、对谁更差。
# 只用模型没学过的开发集;阈值和轮次是在开发集上选的,数字偏乐观。
#
# `XIAOBAO_NOTEBOOK_ROWS`:评估多少件、学习曲线用多少件(默认 400 与其三倍),以便两分钟内跑完。
# 完整评估用 `xiaobao evaluate`,完整学习曲线用 `python -m training.evaluation.learning_curve`。

# %%
import os
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import Image, Markdown

from models.analyzer import load_analyzer
from training.evaluation.charts import Charts, font_notice
from training.evaluation.costs import Prices, cheapest, cost_curve
from training.evaluation.errors import CONFUSION, find_errors
from training.evaluation.evaluating import choose
from training.evaluation.learning_curve import curve_of, group_table, measure_shares, summary
from training.evaluation.metrics import measure
from training.evaluation.plots import Lettering, chinese_font, draw_learning, draw_plots
from training.evaluation.power_law import fit_law
from training.evaluation.tables import (
    coverage_table,
    headline,
    label_table,
    level_table,
    slice_table,
    table_markdown,
)
from training.examples.datasheet import load_corpus
from training.examples.neighbours import placed
from training.examples.profile import draw
from training.predictions import prediction_of

ROWS = int(os.environ.get("XIAOBAO_NOTEBOOK_ROWS", "400"))
SAMPLES = next(
    p / "data_samples" for p in (Path.cwd(), *Path.cwd().parents) if (p / "data_samples").is_dir()
)
folder = tempfile.TemporaryDirectory()  # 内核关闭时删除 removed with the kernel
scratch = Path(folder.name)

analyzer = load_analyzer()
bundle = analyzer.bundle
nodes = (
    *bundle.taxonomy.parents,
    *bundle.taxonomy.causes,
    *bundle.codebook.signs,
    *bundle.codebook.marks,
)
names = {node.id: node.zh for node in nodes}
charts = Charts(Lettering(chinese_font()), names)
print(font_notice(charts.lettering))

# %% [markdown]
# ## 模型没学过的投诉
# *Complaints that the model was not tuned on*
#
# `choose` 从训练语料中取出开发集;换成自己的数据时取全部。其中抽 `ROWS` 件。

# %%
examples = load_corpus(SAMPLES)
chosen = choose(examples.records, bundle.manifest, part="auto")
development = [examples.records[place] for place in chosen.places]
golds = draw(development, most=ROWS)
print(f"{chosen.name}: {len(development)} 件,抽 {len(golds)} 件")

# %% [markdown]
# ## 主要指标
# *Main figures*
#
# 方括号是 95 % 区间(自助重抽样)。条数少,区间就宽:先看区间,再看数。

# %%
answers = analyzer.assess([gold.record for gold in golds])
said = [prediction_of(answer) for answer in answers]
evaluation = measure(golds, said, taxonomy=bundle.taxonomy, codebook=bundle.codebook)
Markdown(table_markdown(headline(evaluation, None)))

# %%
plots = {
    plot.title: scratch / plot.file
    for plot in draw_plots(evaluation, None, directory=scratch, font=chinese_font())
}
Image(plots["一级原因 F1 Level-1 causes"], width=800)

# %% [markdown]
# ## 错误与混淆
# *Errors and confusions*
#
# 按“标注 → 输出”计数。先看最多的几对:多半是两个定义挨得近,或原文两样都说了。

# %%
place_of = dict(zip(examples.records, placed(examples), strict=True))
errors = find_errors(analyzer, [place_of[gold] for gold in golds], part=chosen.name)
mistakes = pd.DataFrame([asdict(mistake) for mistake in errors.mistakes])
mistakes["kind"].value_counts()

# %%
confused = mistakes[mistakes["kind"] == CONFUSION]
pairs = confused.groupby(["given", "answered"]).agg(
    件数=("case", "size"), 平均概率=("confidence", "mean")
)
pairs = pairs.sort_values(["件数", "平均概率"], ascending=False).head(12).reset_index()
pairs.assign(given=pairs["given"].map(names), answered=pairs["answered"].map(names)).round(2)

# %%
parent_of = {cause.id: cause.parent for cause in bundle.taxonomy.causes}
crossed = confused.groupby(
    [confused["given"].map(parent_of), confused["answered"].map(parent_of)]
).size()
charts.heat(
    crossed.to_dict(),
    title=("一级原因混淆(只计错的)", "confusions by level-1 cause"),
    down=("标注", "given"),
    across=("输出", "answered"),
)

# %% [markdown]
# 最有把握的几个错:先读这些。可能是标注错了。
# *The surest mistakes: read these first; the annotation may be wrong.*

# %%
pd.DataFrame(
    [
        (
            names[m.given],
            names[m.answered],
            round(m.confidence, 2),
            errors.cases[m.case].placed.labelled.record.text[:70],
        )
        for m in errors.of_kind(CONFUSION)[:8]
    ],
    columns=["标注", "输出", "把握", "原文开头"],
)

# %% [markdown]
# ## 校准:说 80 % 时对不对
# *Calibration: is it right eight times in ten when it says 80 %*
#
# 点在虚线上为准;在下方为过于自信。竖线是 95 % 区间。

# %%
Image(plots["可靠性 Reliability"], width=800)

# %% [markdown]
# 只答最有把握的一部分,其余交人:右端是全部作答。菱形是现用的复核界限。
# *Answer the surest and hand over the rest.*

# %%
Image(plots["覆盖率与风险 Coverage and risk"], width=600)

# %%
Markdown(table_markdown(coverage_table(evaluation, None)))

# %% [markdown]
# ## 阈值与代价
# *Thresholds and cost*
#
# 漏一件(missed)与误报一件(false)各值多少分钟,由业务定。这里以“代理操作概率”为例:三种价格,菱形是各自最省的阈值。
# 提示只决定谁来复核,所以误报的代价是复核时间和客户的信任,不是拒赔。

# %%
probability = np.array([answer.agent.probability for answer in answers])
agent_run = np.array([float(gold.agent_run) for gold in golds])
curves = {
    f"missed {missed} : false {false}": cost_curve(
        probability, agent_run, Prices(missed=missed, false=false)
    )
    for missed, false in ((1, 1), (5, 1), (1, 5))
}
best = {name: cheapest(curve) for name, curve in curves.items()}
charts.curves(
    {
        name: ([p.threshold for p in curve], [p.cost for p in curve])
        for name, curve in curves.items()
    },
    title=("代价随阈值变化", "cost by threshold"),
    across=("阈值", "threshold"),
    up=("代价", "cost"),
    marks=[(point.threshold, point.cost) for point in best.values()],
)

# %%
pd.DataFrame([asdict(point) for point in best.values()], index=list(best))

# %% [markdown]
# 级别的代价与收益:误提示、受害人被提示(必须为 0)、找到多少代理操作。
# *What the levels cost and find.*

# %%
Markdown(table_markdown(level_table(evaluation, None)))

# %%
Markdown(table_markdown(label_table("迹象 Signs", evaluation.signs, None)))

# %% [markdown]
# ## 学习曲线:再标多少值得
# *Learning curve: what more labels would bring*
#
# 用线性基线在越来越多的数据上学,整位写作者留出测试。网络错得更少,但缺数据的地方相同。抽样后只看趋势。

# %%
learned = draw(examples.records, most=3 * ROWS)
points = measure_shares(learned, taxonomy=bundle.taxonomy, seeds=1)
levels = [curve_of(points, level=level, name=f"level {level}") for level in (1, 2)]
laws = {curve.name: fit_law(curve.sizes, curve.errors) for curve in levels}
draw_learning(levels, laws, path=scratch / "learning.png", lettering=charts.lettering)
Image(scratch / "learning.png", width=600)

# %%
Markdown(
    table_markdown(summary(points))
    + "\n\n"
    + table_markdown(group_table(points, taxonomy=bundle.taxonomy))
)

# %% [markdown]
# ## 分片:对谁更差
# *Slices: genre, source, length, vulnerable groups*
#
# “vulnerable = yes”是代他人投诉、继承、难以表达等情形,由身份与保护标志得出。
# 一次看很多片,差异先当问题,不当结论。

# %%
Markdown(table_markdown(slice_table(evaluation, None)))

# %%
sliced = {
    f"{one.dimension} = {one.value}": one for one in evaluation.slices if one.dimension != "writer"
}
charts.bars(
    {name: one.level2_accuracy.value for name, one in sliced.items() if one.records >= 10},
    title=("二级主因准确率(十件以上的片)", "level-2 accuracy, slices of ten or more"),
    unit=("准确率", "accuracy"),
)
