"""Which cases to label next: those a model is unsure of, rare labels, and no two alike.

Cases of one group and near-duplicates count as one. A quarter of the places goes to labels that
few examples had; the rest to the most uncertain cases, one from each cluster of like texts
(after Zhdanov 2019, "Diverse mini-batch active learning").
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

from models.analyzer import Analyzer
from models.decoding import Reading
from models.record import Record
from models.scores import chunks_of
from training.examples.checking import FEWEST
from training.examples.near_duplicates import units_of

RARE_SHARE = 4  # one place in so many is for rare labels
RARE_LEAST = 0.05  # calibrated; below it a label is not suspected
CLOSE = 0.5  # a margin below it is called close
POOL = 10  # so many times the places: how far down uncertainty goes for the sake of variety
DIMENSIONS = 64

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """How unsure a model is of a text.

    ``margin``: probability of the primary cause less that of the next, ``first`` and ``second``;
    ``entropy``: of all labels, in bits.
    """

    first: str
    second: str
    first_share: float
    second_share: float
    entropy: float

    @property
    def margin(self) -> float:
        """0: the two are alike; 1: there is no doubt."""
        return self.first_share - self.second_share


@dataclass(frozen=True, slots=True)
class Selected:
    """A case to label: its place among the records, why, and for how many it stands.

    ``reason`` is ``rare`` or ``uncertain``; ``label`` the rare label suspected; ``alike`` counts
    the cases of its group or family, itself among them; ``cluster`` those of like texts.
    """

    place: int
    reason: str
    doubt: Uncertainty
    alike: int
    cluster: int = 1
    label: str | None = None
    share: float = 0.0

    def as_json(self) -> dict[str, str | float | int | None]:
        """What stands beside the case in the file of those selected."""
        return {
            "reason": self.reason,
            "why": self.why,
            "margin": round(self.doubt.margin, 4),
            "entropy": round(self.doubt.entropy, 4),
            "label": self.label,
            "stands_for": self.alike,
        }

    @property
    def why(self) -> str:
        """The reason as people read it; it holds no word of the text."""
        rest = f";代表同组或近似 {self.alike} 件 stands for {self.alike}" if self.alike > 1 else ""
        if self.reason == "rare":
            return f"疑似少见标签 may hold the rare label {self.label} {self.share:.2f}{rest}"
        doubt = self.doubt
        two = f"{doubt.first} {doubt.first_share:.2f} / {doubt.second} {doubt.second_share:.2f}"
        bits = f"标签熵 label entropy {doubt.entropy:.2f}"
        like = f"同类 {self.cluster} 件 in its cluster{rest}"
        if doubt.margin < CLOSE:
            return f"主因难分 close causes {two};{bits};{like}"
        return f"其他标签存疑 doubtful labels: {bits};主因 cause {two};{like}"


def select(
    records: Sequence[Record],
    *,
    analyzer: Analyzer,
    count: int,
    groups: Sequence[str | None] | None = None,
    seed: int = 0,
) -> list[Selected]:
    """At most ``count`` of the records, the most telling first; fewer where fewer differ.

    groups: what joins records that tell of one story, None for a record of none.
    """
    readings = [
        analyzer.read(scores) for chunk in chunks_of(records) for scores in analyzer.score(chunk)
    ]
    texts = [record.text for record in records]
    doubts = [doubt_of(reading, analyzer.bundle.labels.causes) for reading in readings]
    unsure = _uncertainty(doubts)
    units = units_of(texts, groups or [None] * len(records))
    alike = np.bincount(np.array(units, dtype=int), minlength=1)
    chosen: dict[int, int] = {}  # a unit's most uncertain record stands for it
    for place in np.argsort(-unsure, kind="stable"):
        chosen.setdefault(units[place], int(place))
    candidates = list(chosen.values())
    rare = _rare(candidates, readings, analyzer, most=count // RARE_SHARE)
    found = [
        Selected(place, "rare", doubts[place], int(alike[units[place]]), label=label, share=share)
        for place, (label, share) in rare.items()
    ]
    rest = [place for place in candidates if place not in rare]
    rest = rest[: POOL * (count - len(found))]
    for place, cluster in _diverse(rest, texts, unsure, most=count - len(found), seed=seed):
        size = int(alike[units[place]])
        found.append(Selected(place, "uncertain", doubts[place], size, cluster))
    return sorted(found, key=lambda one: -unsure[one.place])


def doubt_of(reading: Reading, causes: Sequence[str]) -> Uncertainty:
    """The two most probable primary causes and the entropy of all labels."""
    order = np.argsort(-reading.primary, kind="stable")
    first, second = int(order[0]), int(order[min(1, len(order) - 1)])
    shares = np.clip(reading.labels, 1e-9, 1 - 1e-9)
    bits = -(shares * np.log2(shares) + (1 - shares) * np.log2(1 - shares))
    return Uncertainty(
        causes[first],
        causes[second],
        float(reading.primary[first]),
        float(reading.primary[second]) if second != first else 0.0,
        float(bits.sum()),
    )


def _uncertainty(doubts: Sequence[Uncertainty]) -> Array:
    """(records,): mean rank by a small margin and by a large entropy, 0 to 1."""
    margins = rankdata([-doubt.margin for doubt in doubts])
    entropies = rankdata([doubt.entropy for doubt in doubts])
    return np.asarray((margins + entropies) / (2 * max(1, len(doubts))), dtype=np.float64)


def _rare(
    candidates: Sequence[int], readings: Sequence[Reading], analyzer: Analyzer, *, most: int
) -> dict[int, tuple[str, float]]:
    """For each label of few examples, the rarest first, the candidate likeliest to hold it."""
    labels, known = analyzer.bundle.labels.evidence, analyzer.bundle.calibration.labels
    few = [at for at, id_ in enumerate(labels) if known[id_].positives < FEWEST]
    few.sort(key=lambda at: known[labels[at]].positives)
    found: dict[int, tuple[str, float]] = {}
    for at in few:
        left = [place for place in candidates if place not in found]
        if len(found) == most or not left:
            break
        best = max(left, key=lambda place: readings[place].labels[at])
        share = float(readings[best].labels[at])
        if share >= RARE_LEAST:
            found[best] = (labels[at], share)
    return found


def _diverse(
    pool: Sequence[int], texts: Sequence[str], unsure: Array, *, most: int, seed: int
) -> list[tuple[int, int]]:
    """The most uncertain of each cluster of like texts, and the size of its cluster."""
    if len(pool) <= most or most < 2:
        return [(place, 1) for place in pool[:most]]
    vectors = _vectors([texts[place] for place in pool], seed=seed)
    clusters = KMeans(most, n_init=1, random_state=seed).fit_predict(
        vectors, sample_weight=unsure[list(pool)]
    )
    best: dict[int, int] = {}  # the pool is in order of uncertainty
    for place, cluster in zip(pool, clusters, strict=True):
        best.setdefault(int(cluster), place)
    sizes = np.bincount(clusters)
    return [(place, int(sizes[cluster])) for cluster, place in best.items()]


def _vectors(texts: Sequence[str], *, seed: int) -> Array:
    """(texts, dimensions): pairs and triples of characters, reduced and of length 1."""
    words = TfidfVectorizer(analyzer="char", ngram_range=(2, 3), sublinear_tf=True)
    counted = words.fit_transform(texts)
    size = min(DIMENSIONS, counted.shape[1] - 1, len(texts) - 1)
    if size < 2:
        return np.asarray(counted.toarray(), dtype=np.float64)
    reduce = make_pipeline(TruncatedSVD(size, random_state=seed), Normalizer(copy=False))
    return np.asarray(reduce.fit_transform(counted), dtype=np.float64)
