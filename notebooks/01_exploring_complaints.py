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
# # 01 看懂投诉语料
# *Exploring complaints: labels, lengths, words, causes that come together, examples by evidence*
#
# 这一本回答:手里的标注投诉说了什么、有多长、用什么词、哪些原因常常一起出现、每个标签的原文证据长什么样。
# 样例语料为撰写而非采集,没有真实的人(见 `data_samples/DATASHEET.md`)。换成自己的数据:改 `FILES`。
#
# `XIAOBAO_NOTEBOOK_ROWS` 限制词语一节读多少件(默认 3000);其余各节只计数,用全部数据。

# %%
import os
import random
from collections import Counter
from pathlib import Path

import pandas as pd
from rich.console import Console

from models.analyzer import load_analyzer
from models.codebook import default_codebook
from models.rows import read_records
from models.taxonomy import default_taxonomy
from serving.files.tables import assessment_table
from training.baselines.words import cutter, read_words
from training.evaluation.charts import Charts, font_notice
from training.evaluation.plots import Lettering, chinese_font
from training.examples.checking import check
from training.examples.datasheet import load_corpus
from training.examples.profile import draw, lengths_by, pairs_of, quotes_of, salient_words

ROWS = int(os.environ.get("XIAOBAO_NOTEBOOK_ROWS", "3000"))
SAMPLES = next(
    p / "data_samples" for p in (Path.cwd(), *Path.cwd().parents) if (p / "data_samples").is_dir()
)
FILES = ("complaints.jsonl", "groups.jsonl")

taxonomy, codebook = default_taxonomy(), default_codebook()
names = {
    node.id: node.zh
    for node in (*taxonomy.parents, *taxonomy.causes, *codebook.signs, *codebook.marks)
}
charts = Charts(Lettering(chinese_font()), names)
print(font_notice(charts.lettering))

# %% [markdown]
# ## 初看十二件
# *A first look: twelve complaints, read by the embedded model*
#
# 每件一行:主要根因、其他根因、提示、迹象(−)与保护标志(+)、证据。
# 提示只建议由谁复核,不影响受理、时限和处理结果。

# %%
analyzer = load_analyzer()
first = analyzer.assess(list(read_records(SAMPLES / "first_look.jsonl")))
advice = {one.id: one.zh for one in (*codebook.levels, *codebook.routes)}
Console(width=120).print(assessment_table(list(enumerate(first, start=1)), names=advice))

# %% [markdown]
# 每个标签都有原文为证。 *Every label has its words.*

# %%
pd.DataFrame(
    [
        (
            label.name,
            round(label.probability, 2),
            " / ".join(piece.text for piece in label.evidence),
        )
        for label in first[0].root_cause.labels
    ],
    columns=["标签", "概率", "证据"],
)

# %% [markdown]
# ## 读入与检查
# *Read and check*
#
# 坏行会被指名列出,其余照读。`check` 同 `xiaobao check-data`:重复、近似、缺证据、少见标签。下表空着就是没有发现。

# %%
examples = load_corpus(SAMPLES, files=FILES)
records = examples.records
report = check(examples)
print(
    f"{report.records} 件,坏行 {len(report.faults)},证据 {report.spans.count} 段,中位 {report.spans.median:g} 字"
)
pd.DataFrame(Counter(finding.kind for finding in report.findings).items(), columns=["发现", "件数"])

# %% [markdown]
# ## 标签分布
# *Label profile*
#
# 先看一级原因,再看二级原因的长尾:少于十件的标签学不稳,也量不准。

# %%
level1 = Counter(taxonomy.parent_of(record.primary).id for record in records)
charts.bars(
    dict(level1.most_common()),
    title=("主因的一级原因", "level-1 cause of the primary"),
    unit=("件数", "records"),
)

# %%
causes = Counter(cause for record in records for cause in record.causes)
charts.bars(
    dict(causes.most_common()[-20:]),
    title=("最少见的二十个原因", "the twenty rarest causes"),
    unit=("件数", "records"),
)

# %%
pd.DataFrame(report.rare, columns=["标签", "件数"]).assign(名称=lambda t: t["标签"].map(names))

# %% [markdown]
# 迹象与保护标志。有迹象不等于代理操作;保护标志先于迹象起作用。
# *Signs and protective marks: a sign is not a verdict, and marks are weighed first.*

# %%
signs = Counter(sign for record in records for sign in record.signs)
charts.bars(
    dict(signs.most_common(20)),
    title=("最常见的迹象", "most frequent signs"),
    unit=("件数", "records"),
)

# %% [markdown]
# ## 长度分布
# *Length profile*
#
# 横轴按比例分格:一句话的留言和几千字的函件在同一张图里。长文会分窗阅读,不截断。

# %%
charts.histogram(
    [len(record.record.text) for record in records],
    title=("文本长度", "text length"),
    unit=("字数", "characters"),
)

# %%
pd.DataFrame(lengths_by(records, lambda record: record.record.genre)).round(0)

# %% [markdown]
# ## 词语
# *Words, cut by jieba with a domain dictionary*
#
# 通用词典会把“减额交清”切碎。行业词典 `training/baselines/trade_words.txt` 一行一词,可加本公司的产品名:
# `read_words(Path(...))`。只影响这里的切词,不影响基线。

# %%
cut = cutter(read_words())
plain = cutter([])
sentence = "减额交清后现金价值没变,犹豫期内回访被代答"
print("无词典 ", " | ".join(plain(sentence)))
print("有词典 ", " | ".join(cut(sentence)))

# %% [markdown]
# 每个一级原因最突出的词:与其余投诉相比的对数几率(Monroe 等 2008),按含该词的文本数计,一篇长文不能独占。
# 抽样读取,件数见下。 *Words that set each cause apart from all others; drawn at random.*

# %%
drawn = draw(records, most=ROWS)
parents = [taxonomy.parent_of(record.primary).id for record in drawn]
words = salient_words([record.record.text for record in drawn], parents, cut=cut, most=10)
print(f"{len(drawn)} 件")
pd.DataFrame(
    [
        (names[parent], " ".join(word.word for word in found))
        for parent, found in sorted(words.items())
    ],
    columns=["一级原因", "突出的词"],
)

# %% [markdown]
# ## 一起出现的原因
# *Causes that come together*
#
# “期望”是两者互不相干时应有的件数;“惊奇度”是对数似然比 G²(Dunning 1993),单独一对超过 3.84 已少见。
# 看的对很多,请把它当排序,不当检验。

# %%
together = pd.DataFrame(pairs_of([record.causes for record in records]))
together.assign(left=together["left"].map(names), right=together["right"].map(names)).head(
    15
).round(1)

# %%
both = pairs_of(
    [{taxonomy.parent_of(cause).id for cause in record.causes} for record in records], fewest=1
)
order = [parent.id for parent in taxonomy.parents]
counted = {frozenset((pair.left, pair.right)): pair.records for pair in both}
charts.heat(
    {
        (row, col): counted[frozenset((row, col))]
        for row in order
        for col in order
        if frozenset((row, col)) in counted
    },
    title=("一级原因同时出现的件数", "records with both level-1 causes"),
    down=("一级原因", "level-1 cause"),
    across=("一级原因", "level-1 cause"),
    columns=order,
)

# %% [markdown]
# ## 按证据看例子
# *Examples by evidence*
#
# 选一个标签,看标注者划出的原文和前后文。换标签:改 `LABEL`。

# %%
LABEL = causes.most_common(1)[0][0]
shuffled = random.Random(0).sample(records, len(records))
print(names[LABEL])
pd.DataFrame(quotes_of(shuffled, LABEL, most=8))

# %% [markdown]
# 同样看一个迹象:读的时候想一想它的无辜解释。 *The same for a sign, beside its innocent reading.*

# %%
SIGN = signs.most_common(1)[0][0]
print(names[SIGN], "·", codebook.sign_of(SIGN).innocent_reading)
pd.DataFrame(quotes_of(shuffled, SIGN, most=8))
