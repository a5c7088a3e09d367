"""What several tests share: a small real analyzer, and a real server around it."""

import contextlib
import itertools
import json
import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest
import structlog
import uvicorn

from models.assessment import (
    AgentSigns,
    Assessment,
    Evidence,
    Facets,
    Label,
    ModelUsed,
    Review,
    RootCause,
    SignFound,
    TextRead,
)
from models.codebook import default_codebook
from models.labels import LabelSpace, label_space
from models.record import LabelledRecord, Record, Span
from models.taxonomy import default_taxonomy
from models.text import normalise
from models.windows import WindowReader
from serving.api.app import create_app
from serving.contracts import Analyzer
from serving.settings import ServingSettings

DELAY = ("CLAIM.CLAIM_DELAY", "理赔时效")
UNCLEAR = ("OTHER.UNCLEAR", "事实不清")
SAMPLES = Path(__file__).parent.parent / "data_samples"
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


class KeywordAnalyzer:
    """Reads by two words: 理赔 is a late claim, 全额退保 a sign. Deterministic."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    @property
    def description(self) -> Mapping[str, Any]:
        names = {"NONE": "无提示", "WATCH": "关注", "REVIEW": "建议核验", "PRIORITY": "重点核验"}
        return {
            "bundle": "keywords@0000",
            "created": None,
            "taxonomy": "0.1",
            "codebook": "0.1",
            "runtime": "words",
            "labels": [{"id": DELAY[0], "name": DELAY[1], "threshold": 0.5}],
            "levels": [{"id": id_, "name": name} for id_, name in names.items()],
            "metrics": {},
        }

    def assess(self, records: Sequence[Record], *, batch_tokens: int = 4096) -> list[Assessment]:
        self.batches.append(len(records))
        return [self._read(record) for record in records]

    def _read(self, record: Record) -> Assessment:
        late = find_words(record.text, "理赔")
        full = find_words(record.text, "全额退保")
        id_, name = DELAY if late else UNCLEAR
        share = len(late) / (len(late) + 1) if late else 0.2
        return Assessment(
            case_id=record.case_id,
            root_cause=RootCause(
                primary=Label(id_, name, share),
                labels=(Label(id_, name, share, late),),
                level1=(Label("CLAIM", "理赔", share),) if late else (),
                bulletin_type="理赔" if late else "其他",
            ),
            agent=AgentSigns(
                level="WATCH" if full else "NONE",
                probability=0.3 if full else 0.0,
                signs=sign_of(full),
                marks=(),
                reasons=("出现全额退保",) if full else (),
            ),
            facets=Facets(("full_refund",) if full else ("unknown",), "complaint", "policyholder"),
            review=Review(not late, () if late else ("未能从文本中认定具体原因",)),
            text=TextRead(len(record.text), 1, "zh" if record.text.strip() else "empty"),
            model=ModelUsed("keywords@0000", "0.1", "0.1"),
        )


class GatedAnalyzer(KeywordAnalyzer):
    """Answers only while its gate is open; ``entered`` says that it has begun to read."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def assess(self, records: Sequence[Record], *, batch_tokens: int = 4096) -> list[Assessment]:
        self.entered.set()
        if not self.gate.wait(timeout=10):
            raise TimeoutError("a test left the gate closed")
        return super().assess(records, batch_tokens=batch_tokens)

    def shut(self) -> None:
        """From now on the next batch waits; ``entered`` tells when it does."""
        self.gate.clear()
        self.entered.clear()


class BrokenAnalyzer(KeywordAnalyzer):
    """Fails on a text with 坏 in it, and says the text in its error as careless code does."""

    def assess(self, records: Sequence[Record], *, batch_tokens: int = 4096) -> list[Assessment]:
        for record in records:
            if "坏" in record.text:
                raise ValueError(f"cannot read {record.text!r}")
        return super().assess(records, batch_tokens=batch_tokens)


def find_words(text: str, words: str) -> tuple[Evidence, ...]:
    places = range(len(text) - len(words) + 1)
    starts = (place for place in places if text.startswith(words, place))
    return tuple(Evidence(start, start + len(words), words, 0.9) for start in starts)


def sign_of(evidence: tuple[Evidence, ...]) -> tuple[SignFound, ...]:
    if not evidence:
        return ()
    sign = ("PS_FULL_REFUND_ONLY", "只要全额退保", "weak", 0.6)
    return (SignFound(*sign, evidence, "多数真实客户也这样要求", "先核对保单与诉求"),)


@contextlib.contextmanager
def run_server(
    analyzer: Analyzer, *, wait_ready: bool = True, **settings: Any
) -> Iterator[tuple[httpx.Client, uvicorn.Server]]:
    """The service on a free port of this machine, and a client for it."""
    app = create_app(analyzer, ServingSettings(**settings))
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_config=None, access_log=False, server_header=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_for(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=10
        ) as client:
            if wait_ready:
                wait_for(lambda: client.get("/readyz").status_code == 200)
            yield client, server
    finally:
        server.should_exit = True
        thread.join(timeout=15)
        assert not thread.is_alive()


def wait_for(condition: Any, *, seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError("what the test waits for did not happen")
        time.sleep(0.01)


@pytest.fixture(scope="session", autouse=True)
def quiet() -> None:
    """A log line belongs into the report of a test that asks for it, nowhere else."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


@pytest.fixture
def analyzer() -> KeywordAnalyzer:
    return KeywordAnalyzer()


@pytest.fixture(scope="session")
def client() -> Iterator[httpx.Client]:
    """A client of one service with default settings, shared by tests that change nothing."""
    with run_server(KeywordAnalyzer()) as (client, _):
        yield client


# How long an example takes is the machine's affair: no test is timed.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def samples() -> list[LabelledRecord]:
    """Some sixty of the labelled complaints: all that agents, victims and clerks need, and more."""
    lines = (SAMPLES / "complaints.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines[:2120]]  # later voices may come and go
    wanted = {"NX_VICTIM_REPORT": 8, "NX_SAFETY": 4, "OTHER.UNCLEAR": 4, "NX_FAMILY_HELPER": 4}
    chosen = {row["id"]: row for row in rows[::100]}
    for label, most in wanted.items():
        holding = [row for row in rows if label in (*row["marks"], *row["causes"])]
        chosen |= {row["id"]: row for row in holding[:most]}
    chosen |= {row["id"]: row for row in [row for row in rows if row["agent_run"]][:24]}
    return [labelled_of(row) for row in chosen.values()]


def labelled_of(row: dict[str, Any]) -> LabelledRecord:
    spans = tuple(Span(s["start"], s["end"], tuple(s["labels"])) for s in row["spans"])
    return LabelledRecord(
        Record(row["text"], case_id=row["id"], genre=row["genre"], role=row["role"]),
        primary=row["primary"],
        causes=tuple(row["causes"]),
        signs=tuple(row["signs"]),
        marks=tuple(row["marks"]),
        agent_run=row["agent_run"],
        demand=tuple(row["demand"]),
        record_type=row["record_type"],
        spans=spans,
    )


@pytest.fixture(scope="session")
def tiny_tokenizer(samples: list[LabelledRecord]) -> Any:
    """A tokenizer of single characters, as the embedded encoder has one."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors

    seen = {char for labelled in samples for char in normalise(labelled.record.text).text}
    spare = (chr(code) for code in range(0x4E00, 0x9FFF) if chr(code) not in seen)
    words = [*SPECIAL, *sorted(char for char in seen if not char.isspace())]
    words += [next(spare) for _ in range(1280 - len(words))]
    vocabulary = {word: place for place, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex("."), "isolated")]
    )
    ends = [("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=ends
    )
    tokenizer.add_special_tokens(list(SPECIAL))
    return tokenizer


@pytest.fixture(scope="session")
def tiny_labels() -> LabelSpace:
    return label_space(default_taxonomy(), default_codebook())


@pytest.fixture(scope="session")
def tiny_reader(tiny_tokenizer: Any) -> WindowReader:
    return WindowReader(tiny_tokenizer, window=64, overlap=16)


@pytest.fixture(scope="session")
def tiny_targets(
    samples: list[LabelledRecord], tiny_reader: WindowReader, tiny_labels: LabelSpace
) -> Any:
    from training.tuning.batches import targets_of

    return targets_of(samples, reader=tiny_reader, labels=tiny_labels)


@pytest.fixture(scope="session")
def make_network(tiny_labels: LabelSpace) -> Any:
    """Makes untrained networks of two layers, 32 wide: the same for the same seed."""
    import torch
    from transformers import ModernBertConfig, ModernBertModel

    from models.network import Network, NetworkShape

    torch.set_num_threads(1)
    config = ModernBertConfig(
        vocab_size=1280, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=256, global_attn_every_n_layers=1,
        pad_token_id=0, cls_token_id=2, sep_token_id=3, bos_token_id=2, eos_token_id=3,
    )  # fmt: skip
    config._attn_implementation = "eager"

    def make(*, seed: int = 0, dropout: float = 0.1) -> Network:
        torch.manual_seed(seed)
        return Network(
            ModernBertModel(config), NetworkShape.of(tiny_labels, width=32), dropout=dropout
        )

    return make


@pytest.fixture(scope="session")
def tiny_network(make_network: Any, tiny_targets: Any) -> Any:
    """A network fitted on the samples until it knows them by heart, n-grams joined."""
    import torch

    from training.tuning.fitting import FitSettings, fit
    from training.tuning.mixing import mix
    from training.tuning.ngrams import fit_ngrams

    network = make_network()
    settings = FitSettings(epochs=5, batch_tokens=512, learning_rate=5e-3, average=0.9)
    device = torch.device("cpu")
    score = itertools.count().__next__  # the last weights are the best
    fit(
        network,
        tiny_targets,
        score=lambda _: score(),
        settings=settings,
        device=device,
        mask_id=4,
    )
    network.add_ngrams(fit_ngrams(tiny_targets, causes=network.shape.causes))
    mix(network, tiny_targets, device=device)
    network.mixing.clamp_(min=0.3)  # on texts known by heart one reader alone would do
    return network.train()  # as fitting may leave it: what is exported must not drop out


@pytest.fixture(scope="session")
def tiny_bundle(
    tiny_network: Any,
    tiny_tokenizer: Any,
    tiny_labels: LabelSpace,
    samples: list[LabelledRecord],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The directory of a true bundle of the tiny network: exported, calibrated, self-checked."""
    from training.tuning.bundling import make_bundle
    from training.tuning.encoders import Encoder

    config = tiny_network.encoder.config.to_dict()
    encoder = Encoder("tiny", tiny_network.encoder, tiny_tokenizer, config, 32, 64, 4)
    directory = tmp_path_factory.mktemp("bundles") / "tiny"
    make_bundle(
        tiny_network,
        encoder,
        samples,
        labels=tiny_labels,
        directory=directory,
        manifest={"name": "tiny"},
        measure=lambda _: {},
    )
    return directory


@pytest.fixture(scope="session")
def tiny_analyzer(tiny_bundle: Path) -> Any:
    """An analyzer of the tiny bundle, on one thread."""
    from models.analyzer import load_analyzer

    return load_analyzer(tiny_bundle, threads=1)
