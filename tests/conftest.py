"""What several tests share: a small real analyzer, and a real server around it."""

import contextlib
import itertools
import json
import logging
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import numpy as np
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
from models.runtimes import Logits
from models.scores import TextScores, TextWindows
from models.taxonomy import default_taxonomy
from models.text import NormalisedText, normalise
from models.windows import Window, WindowReader
from serving.api.app import create_app
from serving.contracts import Analyzer
from serving.listening import server_of
from serving.register.register import Register
from serving.settings import ServingSettings
from serving.tracing import Traces

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
            "routes": [],
            "metrics": {},
        }

    def assess(self, records: Sequence[Record], *, batch_tokens: int = 4096) -> list[Assessment]:
        self.batches.append(len(records))
        return [self._read(record) for record in records]

    def cut(self, records: Sequence[Record]) -> list[TextWindows]:
        return [
            TextWindows(record, NormalisedText(record.text, record.text), windows_of(record.text))
            for record in records
        ]

    def infer(self, windows: Sequence[Window]) -> list[Logits]:
        self.batches.append(len(windows))
        return [{} for _ in windows]

    def answer(self, scores: TextScores) -> Assessment:
        return self._read(scores.record)

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

    def infer(self, windows: Sequence[Window]) -> list[Logits]:
        self.entered.set()
        if not self.gate.wait(timeout=10):
            raise TimeoutError("a test left the gate closed")
        return super().infer(windows)

    def shut(self) -> None:
        """From now on the next batch waits; ``entered`` tells when it does."""
        self.gate.clear()
        self.entered.clear()


class BrokenAnalyzer(KeywordAnalyzer):
    """Fails on a text with 坏 in it, and says the text in its error as careless code does."""

    def cut(self, records: Sequence[Record]) -> list[TextWindows]:
        for record in records:
            if "坏" in record.text:
                raise ValueError(f"cannot read {record.text!r}")
        return super().cut(records)


def windows_of(text: str) -> list[Window]:
    """Windows of at most 512 tokens, one a character: only their number and length matter."""
    sizes = [len(text[start : start + 510]) + 2 for start in range(0, len(text) or 1, 510)]
    return [Window(0, np.zeros(size, np.int64), np.zeros((size, 2), np.int64)) for size in sizes]


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
    analyzer: Analyzer,
    *,
    wait_ready: bool = True,
    register: Register | None = None,
    traces: Traces | None = None,
    **settings: Any,
) -> Iterator[tuple[httpx.Client, uvicorn.Server]]:
    """The service on a free port of this machine, and a client for it."""
    serving = ServingSettings(port=0, **settings)
    server = server_of(create_app(analyzer, serving, register, traces), serving)
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


@pytest.fixture(autouse=True)
def no_log_outlives_its_test() -> Iterator[None]:
    """A command that was run leaves a handler behind that writes to its own closed output."""
    root = logging.getLogger()
    level = root.level
    yield
    for handler in root.handlers[:]:
        if type(handler) is logging.StreamHandler:
            root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture(scope="session", autouse=True)
def quiet() -> None:
    """A log line belongs into the report of a test that asks for it, nowhere else."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


@pytest.fixture(scope="session", autouse=True)
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What a command keeps goes where the tests keep theirs."""
    with pytest.MonkeyPatch.context() as environment:
        place = tmp_path_factory.mktemp("xiaobao-data")
        environment.setenv("XIAOBAO_DATA_DIR", str(place))
        yield place


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
    from training.pretraining.encoders import Encoder
    from training.tuning.bundling import make_bundle

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


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """A Spark session of two cores on this machine."""
    from tests.clusters import a_session  # here: scripts take this file for a module of its own

    yield from a_session()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server of this run; skips where there are no binaries."""
    from tests.postgres import BINARIES, run_postgres

    if not all(BINARIES.values()):
        pytest.skip("no PostgreSQL binaries (initdb, postgres) on this machine")
    with run_postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """The address of an empty PostgreSQL database."""
    from tests.postgres import make_database

    return make_database(postgres_server, f"t{uuid.uuid4().hex}")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database; a test that asks for it runs on both kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'register.db'}"
    return str(request.getfixturevalue("postgres_url"))
