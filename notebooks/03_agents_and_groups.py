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
# # 03 代理迹象与案件分组
# *Agents and groups: signs, levels, a group's anatomy, what if a sign were not there*
#
# 这一本回答:级别怎么来的、哪些迹象最起作用、一组案件靠什么连在一起、少一个迹象级别会怎样。
#
# 提示不指控任何人:它只建议由谁复核,不影响受理、时限和处理结果;受害人不给级别。
#
# `XIAOBAO_NOTEBOOK_ROWS` 限制读多少件投诉(默认 300);分组读取 `groups.jsonl` 全部 172 件,因为少读一件就可能拆散一组。

# %%
import os
from collections import Counter
from pathlib import Path

import pandas as pd
from rich.console import Console

from models.analyzer import load_analyzer
from models.links.kinds import read_kinds
from models.policy import decide
from models.what_if import leave_one_out
from serving.files.linking import group_table, link_file, read_linkable
from training.evaluation.charts import Charts, font_notice
from training.evaluation.evaluating import choose
from training.evaluation.plots import Lettering, chinese_font
from training.examples.datasheet import load_corpus
from training.examples.profile import draw, pairs_of

ROWS = int(os.environ.get("XIAOBAO_NOTEBOOK_ROWS", "300"))
SAMPLES = next(
    p / "data_samples" for p in (Path.cwd(), *Path.cwd().parents) if (p / "data_samples").is_dir()
)

analyzer = load_analyzer()
codebook = analyzer.bundle.codebook
levels = {level.id: level.zh for level in codebook.levels}
names = {
    node.id: node.zh
    for node in (*codebook.signs, *codebook.marks, *codebook.groups, *codebook.strengths)
}
charts = Charts(
    Lettering(chinese_font()),
    names | levels | {kind.id: kind.zh for kind in read_kinds().by_id.values()},
)
print(font_notice(charts.lettering))

# %% [markdown]
# ## 编码手册
# *The codebook: levels, signs, protective marks*
#
# 级别由编码手册的规则决定,不由模型决定。换手册不用改代码。

# %%
pd.DataFrame(
    [(level.id, level.zh, level.meaning) for level in codebook.levels],
    columns=["级别", "名称", "含义"],
)

# %%
pd.DataFrame(
    [
        (names[sign.group], names[sign.strength], sign.zh, sign.innocent_reading)
        for sign in codebook.signs
    ],
    columns=["类", "强度", "迹象", "无辜解释"],
).sort_values(["类", "强度"]).head(15)

# %%
pd.DataFrame(
    [
        (mark.zh, len(mark.suppressed), len(mark.discounted), mark.no_level)
        for mark in codebook.marks
    ],
    columns=["保护标志", "抹去的迹象数", "减轻的迹象数", "一律无级别"],
)

# %% [markdown]
# ## 模型给出的迹象与级别
# *Signs and levels that the model gives*
#
# 用模型没学过的开发集,抽 `ROWS` 件。

# %%
examples = load_corpus(SAMPLES)
chosen = choose(examples.records, analyzer.bundle.manifest, part="auto")
golds = draw([examples.records[place] for place in chosen.places], most=ROWS)
answers = analyzer.assess([gold.record for gold in golds])
by_level = Counter(answer.agent.level for answer in answers)
charts.bars(
    {level: by_level[level] for level in levels}, title=("级别", "levels"), unit=("件数", "records")
)

# %%
signs = Counter((sign.id, answer.agent.level) for answer in answers for sign in answer.agent.signs)
charts.heat(
    {
        (sign.id, level): signs[sign.id, level]
        for sign in codebook.signs
        for level in levels
        if (sign.id, level) in signs
    },
    title=("迹象与级别", "signs by level"),
    down=("迹象", "sign"),
    across=("级别", "level"),
    columns=list(levels),
)

# %% [markdown]
# 常一起出现的迹象(按标注)。 *Signs that come together, as annotated.*

# %%
together = pd.DataFrame(pairs_of([record.signs for record in examples.records]))
together.assign(left=together["left"].map(names), right=together["right"].map(names)).head(
    10
).round(1)

# %% [markdown]
# ## 如果没有这一个迹象
# *What if a sign were not there*
#
# 取级别最高的一件,逐个去掉迹象与标志,按手册重新决定级别。“升降”为负:这个迹象撑着级别,应先核验它。
# “升降”为正:这个保护标志压着级别。已被标志排除的迹象不在回答里,去掉那个标志也就看不到升降。

# %%
worst = max(
    range(len(golds)),
    key=lambda at: (codebook.rank_of(answers[at].agent.level), len(answers[at].agent.signs)),
)
agent, genre = answers[worst].agent, golds[worst].record.genre
print(levels[agent.level], "·", ";".join(agent.reasons))
without = leave_one_out(
    [s.id for s in agent.signs], [m.id for m in agent.marks], codebook=codebook, genre=genre
)
pd.DataFrame(
    [(names[one.id], levels[one.decision.level], one.rise) for one in without],
    columns=["去掉", "级别变为", "升降"],
)

# %% [markdown]
# 请核验什么,写在每个迹象旁边。 *What to verify stands beside each sign.*

# %%
pd.DataFrame(
    [
        (
            s.name,
            round(s.probability, 2),
            " / ".join(e.text for e in s.evidence)[:60],
            s.innocent_reading,
            s.verify,
        )
        for s in agent.signs
    ],
    columns=["迹象", "概率", "证据", "无辜解释", "如何核验"],
)

# %% [markdown]
# 全部语料,按标注的迹象与标志:去掉一个,有多少件的级别会变。撑起级别最多的迹象,最值得把定义写清、把核验做实。
# *All records, by gold labels: how many levels rest on each sign, or are held down by each mark.*

# %%
flagged = [record for record in examples.records if record.signs]
moved = pd.DataFrame(
    [
        (one.id, one.rise)
        for record in flagged
        for one in leave_one_out(
            record.signs, record.marks, codebook=codebook, genre=record.record.genre
        )
    ],
    columns=["id", "rise"],
)
falls = moved[moved["rise"] < 0]["id"].value_counts().head(15)
charts.bars(
    falls.to_dict(),
    title=("撑起级别的迹象", "signs that a level rests on"),
    unit=("件数", "records"),
)

# %%
held = moved[moved["rise"] > 0]["id"].value_counts()
charts.bars(
    held.to_dict(),
    title=("压住级别的保护标志", "marks that hold a level down"),
    unit=("件数", "records"),
)

# %% [markdown]
# ## 案件分组
# *Groups across cases*
#
# 雷同的函件、同一电话、地址或账号把案件连成组;再看有没有无辜解释:一家人、同一业务员的客户、律师、系统故障。
# 号码只以密钥摘要比较,从不显示。同组不等于有问题。

# %%
outcome = link_file(SAMPLES / "groups.jsonl", analyzer=analyzer, codebook=codebook)
linked = outcome.linked
kinds = Counter(group.kind.id for group in linked.groups)
charts.bars(
    dict(kinds.most_common()), title=("组的性质", "kinds of groups"), unit=("组数", "groups")
)

# %%
Console(width=130).print(group_table(linked, levels=levels, width=130))

# %% [markdown]
# ## 解剖一组
# *A group's anatomy*
#
# 取级别升得最多的一组:每件单看是什么级别,放进组里是什么级别,多了哪些迹象,和谁有几种联系。

# %%
cases = {case.case_id: case for case in linked.cases}
group = max(linked.groups, key=lambda one: sum(len(cases[id_].signs) for id_ in one.case_ids))
print(group.id, group.kind.zh, "·", group.kind.meaning)
print("依据:", ";".join(group.why))
print("请核验:", ";".join(group.kind.verify))

# %%
members = [
    record for record in read_linkable(SAMPLES / "groups.jsonl") if record.case_id in group.case_ids
]
alone = {answer.case_id: answer.agent for answer in analyzer.assess(members)}
anatomy = [
    (
        id_,
        levels[alone[id_].level],
        levels[cases[id_].level],
        "、".join(names[sign.id] for sign in cases[id_].signs),
        len({link.case_id for link in cases[id_].links}),
        "、".join(sorted({link.kind for link in cases[id_].links})),
    )
    for id_ in group.case_ids
]
pd.DataFrame(anatomy, columns=["案件", "单看", "组内", "由组而来的迹象", "相连件数", "联系种类"])

# %%
charts.heat(
    {
        (id_, link.case_id): round(link.score, 2)
        for id_ in group.case_ids
        for link in sorted(cases[id_].links, key=lambda link: link.score)
    },
    title=("两两之间最强的联系", "strongest tie between two members"),
    down=("案件", "case"),
    across=("案件", "case"),
    columns=group.case_ids,
)

# %% [markdown]
# 组里迹象最少的一件,逐个去掉:先核验撑着级别的那一种。迹象多的件,去掉任何一个级别都不动。
# *The member with the fewest signs, one left out at a time: verify first what the level rests on.*

# %%
member = min(group.case_ids, key=lambda id_: len(alone[id_].signs) + len(cases[id_].signs))
own = alone[member]
found = {*(sign.id for sign in own.signs), *(sign.id for sign in cases[member].signs)}
marks = {*(mark.id for mark in own.marks), *group.kind.marks}
genre = next(record.genre for record in members if record.case_id == member)
print(member, levels[decide(found, marks, codebook=codebook, genre=genre).level])
pd.DataFrame(
    [
        (names[one.id], levels[one.decision.level], one.rise)
        for one in leave_one_out(found, marks, codebook=codebook, genre=genre)
    ],
    columns=["去掉", "级别变为", "升降"],
)

# %% [markdown]
# ## 哪些组有无辜解释
# *Which groups have an innocent explanation*
#
# 这些性质不带来迹象,只带来保护标志。

# %%
pd.DataFrame(
    [(kind.zh, kind.links, kind.meaning, kinds[kind.id]) for kind in read_kinds().by_id.values()],
    columns=["性质", "可带来迹象", "含义", "本例组数"],
)
