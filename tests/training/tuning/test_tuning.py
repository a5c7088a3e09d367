from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from models.analyzer import load_analyzer
from models.bundle import BundleError
from models.codebook import default_codebook
from models.record import LabelledRecord
from models.taxonomy import default_taxonomy
from models.weights import load_network
from tests.support.tiny import CAUSES, save_modernbert, write_complaints
from training.baselines.linear import BaselineError
from training.evaluation.evaluating import EvaluateError, choose, evaluate_bundle
from training.evaluation.measuring import measure_parts
from training.examples.provenance import digest, pick
from training.examples.reading import load_examples
from training.examples.splits import split
from training.pretraining.encoders import EncoderError, load_encoder
from training.pretraining.states import FILE
from training.tuning.adapting import TEXTS, adapted
from training.tuning.exporting import halved
from training.tuning.settings import FitSettings, TrainSettings
from training.tuning.starting import checkpoint_of
from training.tuning.task import Task
from training.tuning.tune import Trained, catalogue_examples, train, tune

CPU = torch.device("cpu")


def read_records(path: Path, **options: Any) -> tuple[LabelledRecord, ...]:
    taxonomy, codebook = default_taxonomy(), default_codebook()
    return load_examples(
        [write_complaints(path, **options)],
        causes=[cause.id for cause in taxonomy.causes],
        signs=[sign.id for sign in codebook.signs],
        marks=[mark.id for mark in codebook.marks],
    ).records


@pytest.fixture(scope="module")
def records(tmp_path_factory) -> tuple[LabelledRecord, ...]:
    return read_records(tmp_path_factory.mktemp("records") / "few.jsonl")


@pytest.fixture(scope="module")
def settings(tmp_path_factory, tiny_tokenizer) -> TrainSettings:
    """Two epochs from an encoder that reads 64 tokens: many texts are longer."""
    torch.set_num_threads(1)
    base = tmp_path_factory.mktemp("base") / "short"
    save_modernbert(base, tiny_tokenizer, positions=64, layers=1)
    fit = FitSettings(epochs=2, batch_tokens=1024)
    return TrainSettings(base=str(base), fractions=(0.6, 0.2, 0.2), fit=fit)


class StoppedError(Exception):
    pass


@pytest.fixture(scope="module")
def stopped(tmp_path_factory, records, settings) -> Path:
    """Where a bundle was to be: its training was stopped in the second epoch."""

    def stop(stage: str, *_: object) -> None:
        if stage.startswith("epoch 2"):
            raise StoppedError

    directory = tmp_path_factory.mktemp("trained") / "bundle"
    with pytest.raises(StoppedError):
        train(records, directory=directory, settings=settings, device=CPU, report=stop)
    return directory


@pytest.fixture(scope="module")
def stages(stopped) -> list[str]:
    """The stages that the second sitting told; what stood on disk before it is the first."""
    return [path.relative_to(stopped.parent).as_posix() for path in stopped.parent.glob("*/*")]


@pytest.fixture(scope="module")
def trained(records, settings, stopped, stages) -> Trained:
    """The bundle of the same training, taken up again."""
    return train(
        records,
        directory=stopped,
        settings=settings,
        device=CPU,
        report=lambda stage, *_: stages.append(stage),
    )


# --- train --------------------------------------------------------------------------------------


def test_a_bundle_loads_and_answers_every_record(trained, records):
    analyzer = load_analyzer(trained.analyzer.bundle.directory, threads=1)
    answers = analyzer.assess([labelled.record for labelled in records])
    assert [answer.case_id for answer in answers] == [r.record.case_id for r in records]
    assert all(answer.root_cause.labels for answer in answers)


def test_texts_longer_than_the_encoder_reads_are_answered_in_windows(trained, records):
    answers = trained.analyzer.assess([labelled.record for labelled in records])
    assert trained.analyzer.bundle.network["window"] == 64
    assert {len(r.record.text) > 62 for r in records} == {True, False}
    assert all((a.text.windows > 1) == (a.text.chars > 62) for a in answers)


def test_the_manifest_says_what_the_bundle_learned_from(trained, records):
    noted = trained.analyzer.bundle.manifest["training"]
    assert (noted["base"], noted["epochs"], noted["fit"]["epochs"]) == ("short", 2, 2)
    assert sum(noted["examples"].values()) == len(records) == 50
    assert min(noted["examples"].values()) > 0


def test_the_manifest_holds_no_path_and_no_complaint(trained, records, settings):
    written = (trained.analyzer.bundle.directory / "manifest.json").read_text("utf-8")
    assert str(Path(settings.base).parent) not in written
    assert not any(labelled.record.text in written for labelled in records)


def test_the_card_shows_what_was_measured(trained):
    card = trained.analyzer.bundle.file("card.md").read_text("utf-8")
    figures = trained.analyzer.bundle.manifest["metrics"]
    shown = [f"{figures[part]['level1_accuracy']:.3f}" for part in ("development", "test")]
    assert f"| level1_accuracy | {' | '.join(shown)} |" in card


def test_both_held_out_parts_are_measured_with_the_baseline(trained):
    noted = trained.analyzer.bundle.manifest["training"]["examples"]
    found = [(each.part, each.network.records) for each in trained.measured]
    assert found == [(part, noted[part]) for part in ("development", "test")]
    assert all(each.baseline.digest == each.network.digest for each in trained.measured)


def test_an_epoch_is_told_each(trained):
    assert [epoch.number for epoch in trained.history] == [1, 2]


def test_an_interrupted_training_goes_on_with_the_epoch_that_was_due(trained, stages):
    assert (stages[0], set(stages[1:])) == (f"bundle.fit/{FILE}", {"epoch 2/2"})


def test_no_state_is_left_beside_a_whole_bundle(trained, stopped):
    assert [path.name for path in stopped.parent.iterdir()] == ["bundle"]


@pytest.mark.parametrize(("seed", "same"), [(0, True), (1, False)])
def test_the_seed_decides_the_weights_and_no_interruption_does(
    trained, records, settings, tiny_labels, seed, same
):
    parts = split(records, seed=0, fractions=settings.fractions)
    network, history = tune(
        pick(records, parts, "train"),
        pick(records, parts, "development"),
        encoder=load_encoder(settings.base, device=CPU, dropout=settings.fit.encoder_dropout),
        labels=tiny_labels,
        taxonomy=default_taxonomy(),
        settings=replace(settings.fit, seed=seed),
        device=CPU,
    )
    found, wanted = halved(network).state_dict(), load_network(trained.analyzer.bundle).state_dict()
    assert all(torch.equal(found[name], weight) for name, weight in wanted.items()) is same
    assert (tuple(history) == trained.history) is same


def test_a_bundle_is_gone_on_with_where_it_stood(trained, records, settings, tiny_labels, tmp_path):
    """At a rate of nothing, what comes out is what went in: encoder, heads and all."""
    made = trained.analyzer.bundle
    base = checkpoint_of(str(made.directory), directory=tmp_path)
    network, _ = tune(
        records[:4],
        records[4:8],
        encoder=load_encoder(base, device=CPU),
        labels=tiny_labels,
        taxonomy=default_taxonomy(),
        settings=replace(settings.fit, epochs=1, learning_rate=0.0),
        device=CPU,
        base=Path(base),
    )
    found, wanted = network.state_dict(), load_network(made).state_dict()
    kept = [name for name in wanted if not name.startswith(("ngrams", "mixing"))]
    assert all(torch.equal(found[name], wanted[name]) for name in kept)


@pytest.mark.parametrize("option", ["base", "beside"])
def test_what_a_bundle_has_learned_from_is_never_held_out(option, trained, records, settings):
    learned = set(trained.analyzer.bundle.manifest["training"]["texts"])
    directory = trained.analyzer.bundle.directory
    given = {"base": str(directory), "beside": directory}[option]
    chosen = Task.of(records, replace(settings, split_seed=9, **{option: given})).chosen
    held_out = [*chosen["development"], *chosen["test"]]
    assert len(held_out) == len(records) - len(learned)
    assert not learned & {digest(one.record) for one in held_out}


def test_what_is_no_bundle_cannot_be_compared_with(records, settings, tmp_path):
    with pytest.raises(BundleError, match="manifest"):
        Task.of(records, replace(settings, beside=tmp_path))


def test_examples_of_the_taxonomy_are_evidence_from_end_to_end():
    (first, *_) = catalogue_examples(default_taxonomy())
    (span,) = first.spans
    assert (span.start, span.end, span.labels) == (0, len(first.record.text), (first.primary,))


def test_a_bundle_names_its_teacher_and_learned_something_else(
    trained, records, settings, stopped, tmp_path
):
    taught = train(
        records, directory=tmp_path / "taught", settings=replace(settings, teacher=stopped),
        device=CPU,
    )  # fmt: skip
    assert taught.analyzer.bundle.manifest["training"]["teacher"] == trained.analyzer.bundle.name
    assert trained.analyzer.bundle.name in taught.analyzer.bundle.file("card.md").read_text("utf-8")
    assert [e.loss for e in taught.history] != [e.loss for e in trained.history]


def test_a_part_without_records_is_not_measured(trained, records):
    parts = {"development": records[:3], "test": ()}
    found = measure_parts(parts, analyzer=trained.analyzer, baseline=None)
    assert [(each.part, each.baseline) for each in found] == [("development", None)]


# --- what cannot be trained ---------------------------------------------------------------------


def test_one_cause_alone_is_refused(settings, tmp_path):
    alike = read_records(tmp_path / "one.jsonl", causes=CAUSES[:1])
    with pytest.raises(BaselineError, match=r"1 primary causes and .* at least 2"):
        train(alike, directory=tmp_path / "bundle", settings=settings, device=CPU)


def test_an_unknown_base_is_refused(records, settings, tmp_path):
    unknown = replace(settings, base=str(tmp_path / "nowhere"))
    with pytest.raises(EncoderError, match="nowhere: no usable checkpoint"):
        train(records, directory=tmp_path / "bundle", settings=unknown, device=CPU)


def test_a_directory_that_holds_something_else_is_refused_before_training(
    records, settings, tmp_path
):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(BundleError, match="holds something else; wanted a new or empty directory"):
        train(records, directory=tmp_path, settings=settings, device=CPU, report=None)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


# --- evaluate -----------------------------------------------------------------------------------


def evaluated(analyzer, records, *, part):
    return evaluate_bundle(analyzer, records, choose(records, analyzer.bundle.manifest, part=part))


def test_a_held_out_part_gives_the_figures_of_the_training(trained, records):
    found = evaluated(trained.analyzer, records[::-1], part="test")
    (_, test) = trained.measured
    assert (found.part, found.network.records) == ("test", test.network.records)
    assert found.network.level1_accuracy.value == test.network.level1_accuracy.value
    assert found.baseline.level1_accuracy.value == test.baseline.level1_accuracy.value


def test_on_other_records_all_are_measured_and_no_baseline(trained, records):
    found = evaluated(trained.analyzer, records[:10], part="auto")
    assert (found.part, found.network.records, found.baseline) == ("all", 10, None)


def test_own_records_with_other_groups_are_held_out_as_they_were(trained, records):
    changed = [replace(r, group="one") if i < 45 else r for i, r in enumerate(records)]
    held_out = split(records, seed=0, fractions=(0.6, 0.2, 0.2)).development
    found = evaluated(trained.analyzer, changed, part="auto")
    assert found.network.records == len(held_out)


def test_a_part_without_records_is_named(trained, records):
    with pytest.raises(EvaluateError, match="test: 0 of 1 records found"):
        evaluated(trained.analyzer, records[:1], part="test")


def test_an_adapted_encoder_has_read_the_training_texts_only(
    tmp_path: Path, records: tuple[LabelledRecord, ...], settings: TrainSettings
) -> None:
    read: list[str] = []
    base = load_encoder(settings.base, device=CPU).module.state_dict()

    def look(_: object) -> None:
        read.append((tmp_path / "encoder" / TEXTS).read_text("utf-8"))

    made = adapted(
        settings.base,
        records[:6],
        minutes=0.01,
        window=64,
        directory=tmp_path / "encoder",
        seed=0,
        device=CPU,
        report=look,
    )

    assert set(read) == {"\n".join(record.record.text for record in records[:6])}
    assert not (tmp_path / "encoder" / TEXTS).exists()
    found = load_encoder(made, device=CPU).module.state_dict()
    assert any(not torch.equal(found[name], weight) for name, weight in base.items())


def test_an_adapted_encoder_is_made_once(
    tmp_path: Path, records: tuple[LabelledRecord, ...], settings: TrainSettings
) -> None:
    asked = {
        "minutes": 0.005,
        "window": 64,
        "directory": tmp_path / "encoder",
        "seed": 0,
        "device": CPU,
    }
    made = adapted(settings.base, records[:6], **asked)
    written = (Path(made) / "model.safetensors").stat().st_mtime_ns
    assert adapted(settings.base, records[:6], **asked) == made
    assert (Path(made) / "model.safetensors").stat().st_mtime_ns == written


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("train", ["tuned on 30 of these 30 texts"]),
        ("development", ["chosen on 11 of these 11 texts"]),
        ("test", []),
    ],
)
def test_figures_that_flatter_a_bundle_say_so(part, said, trained, records):
    notes = evaluated(trained.analyzer, records, part=part).notes
    assert len(notes) == len(said)
    assert all(words in note for words, note in zip(said, notes, strict=True))
