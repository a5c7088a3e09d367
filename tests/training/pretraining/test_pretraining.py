import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForMaskedLM

import training.pretraining.corpora
from tests.support.tiny import save_modernbert
from training.pretraining import masked_language
from training.pretraining.corpora import CorpusError
from training.pretraining.encoders import EncoderError, load_encoder
from training.pretraining.masked_language import PretrainError, PretrainSettings, Progress, pretrain
from training.pretraining.states import FILE

CPU = torch.device("cpu")
# By the clock of these tests a step takes a second: thirty steps.
SETTINGS = PretrainSettings(
    minutes=0.5, batch=8, length=32, learning_rate=1e-2, words_from=0.3, save_minutes=0.05
)


@pytest.fixture(scope="module")
def base(tmp_path_factory, tiny_tokenizer) -> Path:
    return save_modernbert(tmp_path_factory.mktemp("base") / "tiny", tiny_tokenizer, positions=64)


@pytest.fixture
def corpus(tmp_path) -> Path:
    """Two sentences over and over: to be known by heart in a few steps."""
    file = tmp_path / "corpus.txt"
    file.write_text("资料交齐两个月没有任何回音\n柜台的人跟我说是三年定存\n" * 20, "utf-8")
    return file


@pytest.fixture(autouse=True)
def small(monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setattr(training.pretraining.corpora, "BUFFER", 32)


def run(
    corpus: Path, base: Path, out: Path, settings: PretrainSettings = SETTINGS, **options: Any
) -> Progress:
    ticks = itertools.count()
    return pretrain(
        [corpus],
        base=base,
        directory=out,
        settings=settings,
        device=CPU,
        clock=lambda: float(next(ticks)),
        **options,
    )


class StoppedError(Exception):
    pass


def stop_after(steps: int) -> Any:
    def report(progress: Progress) -> None:
        if progress.steps == steps:
            raise StoppedError

    return report


@pytest.fixture
def interrupted(corpus, base, tmp_path) -> Path:
    """The directory of a run that was stopped after twelve of thirty steps."""
    out = tmp_path / "out"
    with pytest.raises(StoppedError):
        run(corpus, base, out, report=stop_after(12))
    return out


def test_the_loss_falls_on_a_text_that_repeats(corpus, base, tmp_path):
    losses: list[float] = []
    run(
        corpus, base, tmp_path / "out", replace(SETTINGS, minutes=1.5),
        report=lambda now: losses.append(now.loss),
    )  # fmt: skip
    assert losses[0] > 6
    assert min(losses) == losses[-1] < losses[0] - 2


def test_accumulating_is_a_batch_so_many_times_as_large(corpus, base, tmp_path, monkeypatch):
    whole = torch.autocast("cpu", enabled=False)
    monkeypatch.setattr(masked_language, "autocast", lambda _: whole)
    large = run(corpus, base, tmp_path / "large", replace(SETTINGS, batch=9))
    small = run(corpus, base, tmp_path / "small", replace(SETTINGS, batch=3, accumulate=3))
    assert (small.steps, small.tokens) == (large.steps, large.tokens)
    assert small.loss == pytest.approx(large.loss, rel=1e-4)


def test_what_is_written_can_be_tuned_and_pretrained_further(corpus, base, tmp_path):
    run(corpus, base, tmp_path / "out")
    weights = AutoModelForMaskedLM.from_pretrained(tmp_path / "out").state_dict()
    encoder = load_encoder(tmp_path / "out", device=CPU)
    name = "layers.0.mlp.Wi.weight"
    assert torch.equal(weights[f"model.{name}"].float(), encoder.module.state_dict()[name])
    assert encoder.tokenizer.get_vocab_size() == 1280


def test_the_weights_have_moved_from_those_of_the_base(corpus, base, tmp_path):
    run(corpus, base, tmp_path / "out")
    found, old = (load_file(p / "model.safetensors") for p in (tmp_path / "out", base))
    assert found.keys() == old.keys()
    assert not torch.allclose(
        found["model.layers.0.mlp.Wi.weight"].float(), old["model.layers.0.mlp.Wi.weight"]
    )


def test_progress_counts_steps_seconds_and_tokens(corpus, base, tmp_path):
    seen: list[tuple[int, float]] = []
    done = run(
        corpus, base, tmp_path / "out", report=lambda now: seen.append((now.steps, now.seconds))
    )
    assert seen == [(number, float(number)) for number in range(1, 31)]
    assert 28 * 8 * 32 < done.tokens < 30 * 8 * 32  # the last block of a file is short


def test_an_interrupted_run_goes_on_where_it_was_saved(corpus, base, interrupted):
    steps: list[int] = []
    done = run(corpus, base, interrupted, report=lambda now: steps.append(now.steps))
    assert steps == list(range(13, 31))
    assert done.seconds == 30


def test_no_state_is_left_when_a_run_is_done(corpus, base, interrupted):
    assert (interrupted / FILE).is_file()
    run(corpus, base, interrupted)
    assert not (interrupted / FILE).exists()


def test_a_run_goes_on_with_the_weights_that_were_saved(corpus, base, interrupted):
    first: list[float] = []
    run(corpus, base, interrupted, replace(SETTINGS), report=lambda now: first.append(now.loss))
    fresh: list[float] = []
    run(corpus, base, interrupted.with_name("other"), report=lambda now: fresh.append(now.loss))
    assert first[0] < fresh[0] - 0.1


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"length": 48}, {"minutes": 0.4}, {"learning_rate": 1e-3}]
)
def test_a_state_of_other_settings_is_not_taken_up(corpus, base, interrupted, change):
    with pytest.raises(StoppedError):
        run(corpus, base, interrupted, replace(SETTINGS, **change), report=stop_after(1))


def test_a_state_of_another_corpus_is_not_taken_up(corpus, base, interrupted, tmp_path):
    other = corpus.rename(tmp_path / "other.txt")
    with pytest.raises(StoppedError):
        run(other, base, interrupted, report=stop_after(1))


def test_a_state_of_another_base_is_not_taken_up(corpus, interrupted, tmp_path, tiny_tokenizer):
    other = save_modernbert(tmp_path / "other", tiny_tokenizer, positions=64)
    with pytest.raises(StoppedError):
        run(corpus, other, interrupted, report=stop_after(1))


def test_a_base_without_weights_starts_from_nothing(corpus, tmp_path, tiny_tokenizer):
    base = save_modernbert(tmp_path / "bare", tiny_tokenizer, positions=64)
    (base / "model.safetensors").unlink()
    assert run(corpus, base, tmp_path / "out").steps == 30
    assert load_encoder(tmp_path / "out", device=CPU).width == 32


# --- what cannot be run -------------------------------------------------------------------------


def test_a_block_longer_than_the_encoder_reads_is_refused(corpus, base, tmp_path):
    with pytest.raises(PretrainError, match="length: 65 found, at most 64 tokens wanted"):
        run(corpus, base, tmp_path / "out", replace(SETTINGS, length=65))


def test_a_base_that_is_no_checkpoint_is_named(corpus, tmp_path):
    with pytest.raises(EncoderError, match="nowhere: no usable checkpoint"):
        run(corpus, tmp_path / "nowhere", tmp_path / "out")


def test_a_corpus_that_is_missing_is_named(base, tmp_path):
    with pytest.raises(CorpusError, match="nowhere: cannot be read"):
        run(tmp_path / "nowhere", base, tmp_path / "out")


def test_a_place_that_cannot_be_written_to_is_named(corpus, base):
    with pytest.raises(PretrainError, match=r"corpus\.txt: FileExistsError, a directory"):
        run(corpus, base, corpus)


def test_a_loss_that_is_no_number_stops_the_run(corpus, base, tmp_path):
    with pytest.raises(PretrainError, match=r"loss: (nan|inf) found after \d+ steps"):
        run(corpus, base, tmp_path / "out", replace(SETTINGS, learning_rate=1e30))
    assert not (tmp_path / "out" / "model.safetensors").exists()
