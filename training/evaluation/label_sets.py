"""The label sets of gold and prediction, side by side: each head's agreement in one call.

Knows which ids a head may use and what they are called; ``agreement`` does the counting.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from models.codebook import Codebook
from models.record import LabelledRecord
from models.taxonomy import RootCauseTaxonomy
from training.evaluation.agreement import Agreement, agreement
from training.evaluation.intervals import Array
from training.evaluation.overlap import Overlap, overlaps
from training.predictions import Prediction


@dataclass(frozen=True, slots=True)
class LabelSets:
    """Label sets of gold and prediction, compared with one taxonomy, codebook and resampling."""

    golds: Sequence[LabelledRecord]
    predictions: Sequence[Prediction]
    taxonomy: RootCauseTaxonomy
    codebook: Codebook
    weights: Array

    @property
    def gold_parents(self) -> list[str]:
        """The level-1 cause of each gold primary."""
        return [self._parents[gold.primary] for gold in self.golds]

    @property
    def predicted_parents(self) -> list[str]:
        """The level-1 cause of each predicted primary."""
        return [self._parents[said.primary] for said in self.predictions]

    def level1_primary(self) -> Agreement:
        """One level-1 cause a record: that of the primary."""
        golds = [frozenset({parent}) for parent in self.gold_parents]
        return self._of_level1(golds, [frozenset({parent}) for parent in self.predicted_parents])

    def level2_primary(self) -> Agreement:
        """One cause a record: the primary."""
        golds = [frozenset({gold.primary}) for gold in self.golds]
        return self._of_causes(golds, [frozenset({said.primary}) for said in self.predictions])

    def level1_causes(self) -> Agreement:
        """All level-1 causes, by closure of the causes."""
        golds = [self._closed(gold.causes) for gold in self.golds]
        return self._of_level1(golds, [self._closed(said.causes) for said in self.predictions])

    def causes(self) -> Agreement:
        """All causes."""
        golds = [frozenset(gold.causes) for gold in self.golds]
        return self._of_causes(golds, [said.causes for said in self.predictions])

    def signs(self) -> Agreement:
        """The signs found in the texts."""
        names = {sign.id: sign.zh for sign in self.codebook.signs}
        golds = [frozenset(gold.signs) for gold in self.golds]
        return self._of(golds, [said.signs for said in self.predictions], names)

    def marks(self) -> Agreement:
        """The protective marks."""
        names = {mark.id: mark.zh for mark in self.codebook.marks}
        golds = [frozenset(gold.marks) for gold in self.golds]
        return self._of(golds, [said.marks for said in self.predictions], names)

    def evidence(self) -> tuple[Overlap, ...]:
        """The evidence of causes, signs and marks, apart and together."""
        kinds = {
            "cause": frozenset(cause.id for cause in self.taxonomy.causes),
            "sign": frozenset(sign.id for sign in self.codebook.signs),
            "mark": frozenset(mark.id for mark in self.codebook.marks),
        }
        return overlaps(self.golds, self.predictions, kinds=kinds, weights=self.weights)

    @property
    def _parents(self) -> dict[str, str]:
        return {cause.id: cause.parent for cause in self.taxonomy.causes}

    def _closed(self, causes: Iterable[str]) -> frozenset[str]:
        parents = self._parents
        return frozenset(parents[cause] for cause in causes)

    def _of_level1(self, golds: list[frozenset[str]], ours: list[frozenset[str]]) -> Agreement:
        return self._of(golds, ours, {parent.id: parent.zh for parent in self.taxonomy.parents})

    def _of_causes(self, golds: list[frozenset[str]], ours: list[frozenset[str]]) -> Agreement:
        return self._of(golds, ours, {cause.id: cause.zh for cause in self.taxonomy.causes})

    def _of(
        self, golds: list[frozenset[str]], ours: list[frozenset[str]], names: Mapping[str, str]
    ) -> Agreement:
        return agreement(
            golds, ours, ids=tuple(names), name_of=names.__getitem__, weights=self.weights
        )
