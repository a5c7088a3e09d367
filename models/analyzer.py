"""The analyzer: records in, assessments out. The one way of a complaint through the models.

Each step is one call forward: text, windows, network, probabilities, choice, policy, answer.
An answer never depends on what else is in the call.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.assessment import (
    AgentSigns,
    Assessment,
    Evidence,
    Facets,
    Label,
    ModelUsed,
    ReviewAdvice,
    RootCause,
    SignFound,
    TextRead,
)
from models.bundle import Bundle, load_bundle
from models.credibility import believed
from models.decoding import Choice, Decoder, Reading
from models.evidence import find_evidence, lies_within
from models.policy import Decision, decide
from models.record import Record
from models.runtime_choice import DEFAULT, RuntimeChoice, RuntimeRequest, choose_runtime
from models.runtimes import Logits, Runtime
from models.scores import (
    TextScores,
    TextWindows,
    chunks_of,
    cut_records,
    infer_windows,
    score_records,
)
from models.self_check import check_golden
from models.spellings import is_disguised, is_plain
from models.text import has_han, language_of
from models.windows import Window, WindowReader

_Evidence = Mapping[str, tuple[Evidence, ...]]


class Analyzer:
    """Reads complaints with one bundle on one runtime; safe to call from several threads."""

    def __init__(self, bundle: Bundle, runtime: Runtime) -> None:
        self.bundle = bundle
        self.runtime = runtime
        self._reader = WindowReader.from_file(
            bundle.file("tokenizer.json"),
            window=bundle.network["window"],
            overlap=bundle.network["overlap"],
        )
        self._decoder = Decoder(bundle.labels, bundle.calibration, bundle.taxonomy)
        self._model = ModelUsed(bundle.name, bundle.taxonomy.version, bundle.codebook.version)

    def assess(self, records: Sequence[Record], *, batch_tokens: int = 4096) -> list[Assessment]:
        """One assessment a record, in order; the answer to each is what it would be alone."""
        return [
            self.answer(scores)
            for chunk in chunks_of(records)
            for scores in self.score(chunk, batch_tokens=batch_tokens)
        ]

    @property
    def description(self) -> Mapping[str, Any]:
        """What users may know of the model: versions, labels with names, thresholds, metrics."""
        bundle, calibration = self.bundle, self.bundle.calibration
        names = {cause.id: cause.zh for cause in bundle.taxonomy.causes}
        names |= {sign.id: sign.zh for sign in bundle.codebook.signs}
        names |= {mark.id: mark.zh for mark in bundle.codebook.marks}
        labels = [
            {"id": id_, "name": names[id_], "threshold": calibration.labels[id_].threshold}
            for id_ in bundle.labels.evidence
        ]
        return {
            "bundle": bundle.name,
            "created": bundle.manifest.get("created"),
            "taxonomy": bundle.taxonomy.version,
            "codebook": bundle.codebook.version,
            "runtime": self.runtime.name,
            "window": bundle.network["window"],
            "labels": labels,
            "levels": [{"id": level.id, "name": level.zh} for level in bundle.codebook.levels],
            "routes": [{"id": route.id, "name": route.zh} for route in bundle.codebook.routes],
            "metrics": bundle.manifest.get("metrics", {}),
        }

    def score(self, records: Sequence[Record], *, batch_tokens: int = 4096) -> Iterator[TextScores]:
        """Windows and logits of each record, in order: what answers and calibration stand on."""
        return score_records(
            records, reader=self._reader, runtime=self.runtime, batch_tokens=batch_tokens
        )

    def cut(self, records: Sequence[Record]) -> list[TextWindows]:
        """The windows of each record: the first of three steps, for a service that runs them apart.

        Then ``infer`` for windows of one padded length, then ``answer`` for each record's scores.
        """
        return cut_records(records, reader=self._reader)

    def infer(self, windows: Sequence[Window]) -> list[Logits]:
        """Logits of each window; all must have one padded length."""
        return infer_windows(windows, runtime=self.runtime)

    def read(self, scores: TextScores) -> Reading:
        """Calibrated probabilities of one record."""
        return self._decoder.read(scores.pooled())

    def readings(self, texts: Sequence[str]) -> list[Reading]:
        """Calibrated probabilities of texts: what the self-check compares."""
        return [self.read(scores) for scores in self.score([Record(text) for text in texts])]

    def answer(self, scores: TextScores) -> Assessment:
        """The assessment that a record's scores amount to."""
        reading = self.read(scores)
        language = language_of(scores.record.text)
        choice = self._decoder.choose(reading)
        choice = believed(
            choice,
            agent=reading.agent,
            codebook=self.bundle.codebook,
            plain=is_plain(scores.text.text),
            chinese=language == "zh" or is_disguised(scores.text.text),
        )
        if not has_han(scores.text.text):  # where nothing can be read, nothing is guessed
            fallback = self.bundle.taxonomy.fallback
            reading = replace(reading, agent=0.0)
            choice = Choice(fallback, (fallback,), (), (), ())
        choice = self._protected(choice)
        evidence = {
            id_: self._evidence(scores, id_)
            for id_ in (*choice.causes, *choice.signs, *choice.marks)
        }
        genre = scores.record.genre or (None if self._says_genre(choice) else reading.genre)
        decision = decide(
            self._proved(choice, evidence),
            choice.marks,
            codebook=self.bundle.codebook,
            genre=genre,
        )
        causes = self._causes(reading, choice, evidence)
        return Assessment(
            case_id=scores.record.case_id,
            root_cause=causes,
            agent=self._agent(reading, choice, decision, evidence),
            facets=Facets(choice.demand, reading.record_type, self._role(scores.record, reading)),
            review=self._review(causes, decision, language),
            text=TextRead(len(scores.record.text), len(scores.windows), language),
            model=self._model,
        )

    def _says_genre(self, choice: Choice) -> bool:
        """Whether a mark says how the text is to be read: then the policy asks the mark."""
        return any(self.bundle.codebook.mark_of(id_).genre for id_ in choice.marks)

    def _protected(self, choice: Choice) -> Choice:
        """The choice with the marks whose own cause is the primary one.

        A text told as a victim's report is one, whether or not its words carry the mark.
        """
        codebook = self.bundle.codebook
        held = codebook.implied_by(choice.primary) | {*choice.marks}
        return replace(choice, marks=tuple(mark.id for mark in codebook.marks if mark.id in held))

    def _proved(self, choice: Choice, evidence: _Evidence) -> tuple[str, ...]:
        """The signs with words outside the marks whose words prove nothing (a clerk's opinion)."""
        marks = [self.bundle.codebook.mark_of(id_) for id_ in choice.marks]
        void = [span for mark in marks if mark.drops_evidence for span in evidence[mark.id]]
        return tuple(
            id_
            for id_ in choice.signs
            if any(not lies_within(span, void) for span in evidence[id_])
        )

    def _causes(self, reading: Reading, choice: Choice, evidence: _Evidence) -> RootCause:
        taxonomy, decoder = self.bundle.taxonomy, self._decoder
        labels = tuple(self._label(reading, id_, evidence) for id_ in choice.causes)
        parents = dict.fromkeys(taxonomy.parent_of(id_).id for id_ in choice.causes)
        level1, path = (
            tuple(
                Label(id_, taxonomy.name_of(id_), decoder.node_probability(reading, id_))
                for id_ in ids
            )
            for ids in (parents, taxonomy.path_of(choice.primary))
        )
        share = float(reading.primary[self.bundle.labels.causes.index(choice.primary)])
        primary = Label(choice.primary, taxonomy.name_of(choice.primary), share)
        type_ = taxonomy.bulletin_type_of(choice.primary)
        return RootCause(primary, labels, level1, type_, path)

    def _agent(
        self, reading: Reading, choice: Choice, decision: Decision, evidence: _Evidence
    ) -> AgentSigns:
        signs = tuple(self._sign(reading, id_, evidence) for id_ in decision.shown)
        marks = tuple(self._label(reading, id_, evidence) for id_ in choice.marks)
        # A victim, or a person in danger, is offered help and given no score.
        probability = 0.0 if decision.route else reading.agent
        return AgentSigns(
            decision.level, probability, signs, marks, decision.reasons, decision.route
        )

    def _label(self, reading: Reading, id_: str, evidence: _Evidence) -> Label:
        probability = self._decoder.probability(reading, id_)
        return Label(id_, self._name(id_), probability, evidence[id_])

    def _sign(self, reading: Reading, id_: str, evidence: _Evidence) -> SignFound:
        sign = self.bundle.codebook.sign_of(id_)
        return SignFound(
            id_,
            sign.zh,
            sign.strength,
            self._decoder.probability(reading, id_),
            evidence[id_],
            sign.innocent_reading,
            sign.verify,
        )

    def _name(self, id_: str) -> str:
        if id_ in self.bundle.labels.causes:
            return self.bundle.taxonomy.name_of(id_)
        return self.bundle.codebook.mark_of(id_).zh

    def _evidence(self, scores: TextScores, id_: str) -> tuple[Evidence, ...]:
        characters = scores.characters(self._decoder.position[id_])
        share = self.bundle.calibration.evidence[self.bundle.labels.kind_of(id_)]
        return find_evidence(scores.text, characters, share=share)

    def _role(self, record: Record, reading: Reading) -> str:
        """What intake says, where it speaks in the taxonomy's terms; else what the text says."""
        given = record.role
        return given if given is not None and given in self.bundle.labels.role else reading.role

    def _review(self, causes: RootCause, decision: Decision, language: str) -> ReviewAdvice:
        reasons = []
        if language != "zh":
            reasons.append("文本为空" if language == "empty" else "文本不是中文或几乎没有汉字")
        if causes.primary.id == self.bundle.taxonomy.fallback:
            reasons.append("未能从文本中认定具体原因")
        if causes.primary.probability < self.bundle.calibration.review:
            reasons.append(f"主要原因把握不足(概率 {causes.primary.probability:.2f})")
        if decision.route:
            reasons.append("需要优先提供帮助,请人工跟进")
        return ReviewAdvice(bool(reasons), tuple(reasons))


def load_analyzer(
    directory: Path | None = None,
    *,
    threads: int | None = None,
    wanted: RuntimeRequest = DEFAULT,
    report: Callable[[RuntimeChoice], object] = lambda _: None,
) -> Analyzer:
    """An analyzer of a bundle, the embedded one by default, that passed its self-check.

    report: told which runtime was taken, and why. Raises BundleError for an incomplete or altered
    bundle or other answers than its golden ones, RuntimeChoiceError for a runtime not to be had.
    """
    bundle = load_bundle(directory)

    def check(opened: Runtime) -> None:
        check_golden(bundle, Analyzer(bundle, opened).readings, precision=opened.precision)

    choice = choose_runtime(bundle, wanted, check=check, threads=threads)
    report(choice)
    return Analyzer(bundle, choice.runtime)
