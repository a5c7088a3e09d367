"""How well cases are linked: groups of the samples, rewritten letters, and time.

Run `python -m benchmarks.linking` from the root (`--rewritings` and `--corpus N` for the rest). The
thresholds were chosen while looking at `data_samples/groups.jsonl`: its figures are optimistic.
`--wording` writes `models/links/wording.tsv` anew from the single complaints.
"""

import argparse
import json
import random
import re
import time
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path

from models.analyzer import load_analyzer
from models.links import Linker
from models.links.candidates import gather, keys_of
from models.links.fingerprints import fingerprint
from models.links.likeness import measure_all
from models.links.limits import limits_at, step_of
from models.links.masking import mask
from models.record import Record
from models.rows import RowFault
from serving.files.linking import read_linkable

SAMPLES = Path("data_samples")
_FLAGGED = {"REVIEW", "PRIORITY"}
_SYNONYMS = {
    "保费": "所交的钱", "退还": "退回", "要求": "请求", "没有": "未曾", "告诉": "告知",
    "业务员": "销售人员", "本人": "我", "购买": "买了", "不知道": "不清楚", "合同": "保单",
    "现在": "如今", "全部": "所有", "答复": "回复", "签名": "签字", "答应": "承诺",
    "银行": "网点", "我们": "我家", "因为": "由于",
}  # fmt: skip
_PADDING = (
    "以上情况属实,请领导重视。为此我多次奔波,身心疲惫。家里老人孩子都靠我,日子过得紧。"
    "希望早日解决,给我一个说法。谢谢各位的工作。天气冷了,来回一趟不容易。"
)


def measure_groups() -> None:
    """Pairwise F1 of groups, rings found, innocent groups raised, rings merged."""
    source = SAMPLES / "groups.jsonl"
    truth = [json.loads(line).get("group") for line in source.read_text("utf-8").splitlines()]
    records = [r for r in read_linkable(source) if not isinstance(r, RowFault)]
    analyzer = load_analyzer()
    assessments = analyzer.assess(records)
    started = time.perf_counter()
    linked = Linker(analyzer.bundle.codebook).link(records, assessments)
    print(
        f"cases {len(records)}, groups {len(linked.groups)}, {time.perf_counter() - started:.1f} s"
    )
    guess = [case.group_id for case in linked.cases]
    print("all groups:", pairwise(truth, guess))
    rings = [g if g and g.startswith("ring") else None for g in truth]
    print(
        "rings only:",
        pairwise(rings, [g if r else None for g, r in zip(guess, rings, strict=True)]),
    )
    members: dict[str, list[int]] = defaultdict(list)
    for place, group in enumerate(truth):
        if group:
            members[group].append(place)
    found = raised = 0
    for group, places in sorted(members.items()):
        kinds = Counter(linked.cases[place].group_kind for place in places)
        levels = Counter(linked.cases[place].level for place in places)
        own = Counter(assessments[place].agent.level for place in places)
        joined = Counter(guess[p] for p in places if guess[p]).most_common(1)
        found += group.startswith("ring") and bool(joined) and joined[0][1] >= 2
        raised += not group.startswith("ring") and bool(_FLAGGED & set(levels))
        print(f"  {group} {dict(kinds)} levels {dict(levels)} (text alone {dict(own)})")
    total = sum(group.startswith("ring") for group in members)
    mixed = [{truth[p] for p, g in enumerate(guess) if g == one.id} for one in linked.groups]
    print(f"rings found {found}/{total}; innocent groups raised {raised}")
    print(f"groups with cases of two truths: {sum(len(one) > 1 for one in mixed)}")
    alone = [c.level for c, t in zip(linked.cases, truth, strict=True) if t is None and c.group_id]
    print(f"singles drawn into a group: {len(alone)}")


def pairwise(truth: list[str | None], guess: list[str | None]) -> str:
    """Precision, recall and F1 over pairs of cases that share a group."""
    hit = wrong = missed = 0
    for left, right in combinations(range(len(truth)), 2):
        same = truth[left] is not None and truth[left] == truth[right]
        said = guess[left] is not None and guess[left] == guess[right]
        hit, wrong, missed = (
            hit + (same and said),
            wrong + (said and not same),
            missed + (same and not said),
        )
    precision, recall = hit / max(1, hit + wrong), hit / max(1, hit + missed)
    f1 = 2 * hit / max(1, 2 * hit + wrong + missed)
    return f"precision {precision:.3f} recall {recall:.3f} F1 {f1:.3f}"


def rewritings(text: str, rng: random.Random, other: str) -> dict[str, str]:
    """The same letter made to look different, one way each, and all together."""
    parts = [part for part in re.split(r"(?<=[。!?;!?;\n])", text) if part.strip()]
    shuffled = rng.sample(parts, len(parts))
    cut = [part for part in parts if rng.random() > 0.3] or parts[:1]
    words = text
    for word, synonym in _SYNONYMS.items():
        words = words.replace(word, synonym)
    swapped = re.sub(r"\d", lambda _: str(rng.randrange(10)), text)
    padding = _PADDING[: max(10, len(text) * 3 // 10)]
    half = "".join(parts[::2]) + other[: len(text) // 2]
    everything = "".join(rng.sample(cut, len(cut))) + padding
    for word, synonym in _SYNONYMS.items():
        everything = everything.replace(word, synonym)
    return {
        "synonyms": words, "shuffled": "".join(shuffled), "cut 30 %": "".join(cut),
        "padded 30 %": padding[: len(padding) // 2] + text + padding[len(padding) // 2 :],
        "numbers swapped": swapped, "half replaced": half, "all together": everything,
    }  # fmt: skip


def measure_rewritings(corpus: int) -> None:
    """Recall of rewritten ring letters by their words alone, among other complaints."""
    rng = random.Random(7)
    rows = [json.loads(x) for x in (SAMPLES / "groups.jsonl").read_text("utf-8").splitlines()]
    letters = [
        row["text"]
        for row in rows
        if (row.get("group") or "").startswith("ring") and len(row["text"]) >= 60
    ]
    lines = (SAMPLES / "complaints.jsonl").read_text("utf-8").splitlines()
    drawn = [json.loads(line) for line in rng.sample(lines, min(corpus + 200, len(lines)))]
    fillers, others = drawn[:200], drawn[200:]
    texts, made = list(letters), []
    for place, text in enumerate(letters):
        for way, changed in rewritings(text, rng, rng.choice(fillers)["text"]).items():
            made.append((place, len(texts), way))
            texts.append(changed)
    first = len(texts)
    texts += [row["text"] for row in others]
    started = time.perf_counter()
    prints = {n: fingerprint(mask(Record(text))) for n, text in enumerate(texts)}
    gathered = gather({n: keys_of(print_) for n, print_ in prints.items()}, {})
    likeness = measure_all(prints, gathered.pairs)
    took = time.perf_counter() - started
    limits = limits_at(step_of(len(texts)))
    tied = {
        pair
        for pair, one in likeness.items()
        if one.retold >= limits.alike or (one.copied >= 0.5 and one.retold >= limits.near)
    }
    for way in dict.fromkeys(way for _, _, way in made):
        pairs = [(left, right) for left, right, one in made if one == way]
        print(f"  {way}: recall {sum(pair in tied for pair in pairs) / len(pairs):.3f}")
    family = [row.get("group") or f"single-{place}" for place, row in enumerate(others)]
    false = [
        (a, b)
        for a, b in tied
        if b >= first and (a < first or family[a - first] != family[b - first])
    ]
    hits = sum((left, right) in tied for left, right, _ in made)
    print(f"letters {len(letters)}, others {len(others)}, candidates {len(likeness)}, {took:.1f} s")
    print(f"pairs tied wrongly {len(false)}, precision {hits / max(1, hits + len(false)):.3f}")
    for a, b in false[:5]:
        print(
            "   ",
            f"{likeness[a, b].retold:.2f} {likeness[a, b].copied:.2f}",
            texts[a][:60].replace("\n", " "),
            "|",
            texts[b][:60].replace("\n", " "),
        )


def write_wording() -> None:
    """Count character pairs of the single complaints, three uses at least."""
    counts: Counter[str] = Counter()
    lines = (SAMPLES / "complaints.jsonl").read_text("utf-8").splitlines()
    for line in lines:
        runs = re.findall("[\u4e00-\u9fff]+", mask(Record(json.loads(line)["text"])))
        counts.update({run[at : at + 2] for run in runs for at in range(len(run) - 1)})
    kept = sorted((word, count) for word, count in counts.items() if count >= 3)
    body = "".join(f"{word}\t{count}\n" for word, count in kept)
    Path("models/links/wording.tsv").write_text(f"{len(lines)}\n{body}", "utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rewritings", action="store_true")
    parser.add_argument("--wording", action="store_true")
    parser.add_argument("--corpus", type=int, default=1500)
    asked = parser.parse_args()
    if asked.wording:
        write_wording()
    elif asked.rewritings:
        measure_rewritings(asked.corpus)
    else:
        measure_groups()
