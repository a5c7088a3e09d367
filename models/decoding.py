"""Decoding: from the logits of a text's windows to probabilities and the labels they choose.

Pure numpy; knows ids and thresholds, not words. Every text gets at least one cause.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.calibration import Array, Calibration, CalibrationColumns, sigmoid, softmax
from models.labels import LabelSpace
from models.runtimes import Logits
from models.taxonomy import RootCauseTaxonomy

MOST_CAUSES = 4  # primary rule 6 of the taxonomy
STRONGEST = ("labels", "agent", "demand")  # one window that shows it is enough
AVERAGED = ("primary", "record_type", "role", "genre")  # the whole text decides


@dataclass(frozen=True, slots=True)
class Reading:
    """Probabilities of one text, in label-space order.

    labels: (evidence labels,); primary: (causes,), sums to 1; demand: (demands,).
    """

    labels: Array
    primary: Array
    agent: float
    demand: Array
    record_type: str
    role: str
    genre: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What a reading amounts to: ids, the most probable first; ``primary`` leads ``causes``."""

    primary: str
    causes: tuple[str, ...]
    signs: tuple[str, ...]
    marks: tuple[str, ...]
    demand: tuple[str, ...]


def pool_windows(windows: Sequence[Logits], *, sizes: Sequence[int]) -> Mapping[str, Array]:
    """Logits of a text from those of its windows: the strongest, or the mean by size in tokens."""
    if len(windows) == 1:
        return {name: np.asarray(windows[0][name], float) for name in STRONGEST + AVERAGED}
    strongest = {n: np.max([w[n] for w in windows], axis=0).astype(float) for n in STRONGEST}
    averaged = {n: np.average([w[n] for w in windows], axis=0, weights=sizes) for n in AVERAGED}
    return {**strongest, **averaged}


class Decoder:
    """Applies one bundle's calibration and thresholds."""

    def __init__(
        self, labels: LabelSpace, calibration: Calibration, taxonomy: RootCauseTaxonomy
    ) -> None:
        self.labels = labels
        self.calibration = calibration
        self.position = {id_: i for i, id_ in enumerate(labels.evidence)}
        self._columns = CalibrationColumns.of(calibration.labels, labels.evidence)
        self._demand = CalibrationColumns.of(calibration.demand, labels.demand)
        self._fallback = taxonomy.fallback
        # Sums the causes under each node, level by level: branches are decided before leaves.
        self._paths = [taxonomy.path_of(id_) for id_ in labels.causes]
        self._under = {
            node: np.array([self.position[c] for c in labels.causes if node in taxonomy.path_of(c)])
            for path in self._paths
            for node in path
        }
        self._places = {
            ids: np.array([self.position[id_] for id_ in ids], dtype=int)
            for ids in (labels.causes, labels.signs, labels.marks)
        }
        self._same_nodes = [self._same_node(level) for level in range(1, taxonomy.depth)]

    def read(self, logits: Mapping[str, Array]) -> Reading:
        """Calibrated probabilities of one text's pooled logits."""
        agent = self.calibration.agent
        return Reading(
            labels=self._columns.probabilities(logits["labels"]),
            primary=softmax(logits["primary"], temperature=self.calibration.primary_temperature),
            agent=float(sigmoid(agent.scale * logits["agent"] + agent.bias)),
            demand=self._demand.probabilities(logits["demand"]),
            record_type=self.labels.record_type[int(np.argmax(logits["record_type"]))],
            role=self.labels.role[int(np.argmax(logits["role"]))],
            genre=self.labels.genre[int(np.argmax(logits["genre"]))],
        )

    def choose(self, reading: Reading) -> Choice:
        """The labels shown: from their thresholds on, the primary cause always."""
        primary = self._primary(reading.primary)
        others = [id_ for id_ in self._above(reading, self.labels.causes) if id_ != primary]
        # "No cause is stated" cannot stand beside a cause, nor a cause beside it.
        beside = [id_ for id_ in others if self._fallback not in (id_, primary)]
        causes = [primary, *beside][:MOST_CAUSES]
        return Choice(
            primary,
            tuple(causes),
            self._above(reading, self.labels.signs),
            self._above(reading, self.labels.marks),
            self._demands(reading.demand),
        )

    def probability(self, reading: Reading, label: str) -> float:
        """Calibrated probability that the text holds the label."""
        return float(reading.labels[self.position[label]])

    def node_probability(self, reading: Reading, id_: str) -> float:
        """Probability of a node: that of the most probable leaf under it, never below any."""
        return float(reading.labels[self._under[id_]].max())

    def _primary(self, primary: Array) -> str:
        within = np.ones(len(primary), dtype=bool)
        for same in self._same_nodes:
            branch = np.where(within, same @ primary, -1.0)
            within = branch >= branch.max() - 1e-12
        return self.labels.causes[int(np.argmax(np.where(within, primary, -1.0)))]

    def _same_node(self, level: int) -> Array:
        """(causes, causes): 1 where two causes stand under one node of this level."""
        above = [path[:level] for path in self._paths]
        return np.array([[p == q for q in above] for p in above], dtype=float)

    def _above(self, reading: Reading, ids: tuple[str, ...]) -> tuple[str, ...]:
        places = self._places[ids]
        shares = reading.labels[places]
        above = np.flatnonzero(shares >= self._columns.threshold[places])
        return tuple(ids[i] for i in sorted(above.tolist(), key=lambda i: -shares[i]))

    def _demands(self, demand: Array) -> tuple[str, ...]:
        above = np.flatnonzero(demand >= self._demand.threshold)
        chosen = above if len(above) else np.array([np.argmax(demand)])
        return tuple(self.labels.demand[i] for i in sorted(chosen, key=lambda i: -demand[i]))
