"""The fixtures that several tests share; what builds them stands in files of its own."""

import logging
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest
import structlog

from models.codebook import default_codebook
from models.labels import LabelSpace, label_space
from models.record import LabelledRecord
from models.taxonomy import default_taxonomy
from models.windows import WindowReader
from serving.register.register import Register
from tests.support.consoles import open_console, open_joining
from tests.support.kept import open_sqlite
from tests.support.linked import Links, open_links
from tests.support.readers import KeywordAnalyzer
from tests.support.sampled import few_complaints
from tests.support.served import run_server
from tests.support.tiny_bundle import character_tokenizer, fit_by_heart, network_maker, save_bundle


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


@pytest.fixture
def console(register: Register, tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of a service that keeps its cases in the register of the test, with one in it."""
    with open_console(register, tmp_path) as client:
        yield client


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a service with one case, shared by tests that store nothing."""
    place = tmp_path_factory.mktemp("console")
    with open_joining(place) as register, open_console(register, place) as client:
        yield client


# How long an example takes is the machine's affair: no test is timed.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def samples() -> list[LabelledRecord]:
    """Some sixty of the labelled complaints: all that agents, victims and clerks need, and more."""
    return few_complaints()


@pytest.fixture(scope="session")
def tiny_tokenizer(samples: list[LabelledRecord]) -> Any:
    """A tokenizer of single characters, as the embedded encoder has one."""
    return character_tokenizer(samples)


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
    return network_maker(tiny_labels)


@pytest.fixture(scope="session")
def tiny_network(make_network: Any, tiny_targets: Any) -> Any:
    """A network fitted on the samples until it knows them by heart, n-grams joined."""
    return fit_by_heart(make_network(), tiny_targets)


@pytest.fixture(scope="session")
def tiny_bundle(
    tiny_network: Any,
    tiny_tokenizer: Any,
    tiny_labels: LabelSpace,
    samples: list[LabelledRecord],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The directory of a true bundle of the tiny network: exported, calibrated, self-checked."""
    directory = tmp_path_factory.mktemp("bundles") / "tiny"
    save_bundle(
        directory,
        network=tiny_network,
        tokenizer=tiny_tokenizer,
        labels=tiny_labels,
        samples=samples,
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
    from tests.support.clusters import a_session

    yield from a_session()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server of this run; skips where there are no binaries."""
    from tests.support.postgres import BINARIES, run_postgres

    if not all(BINARIES.values()):
        pytest.skip("no PostgreSQL binaries (initdb, postgres) on this machine")
    with run_postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """The address of an empty PostgreSQL database."""
    from tests.support.postgres import make_database

    return make_database(postgres_server, f"t{uuid.uuid4().hex}")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database; a test that asks for it runs on both kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'register.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def register(database_url: str, tmp_path: Path) -> Iterator[Register]:
    """An empty register; a test that asks for it runs on both kinds of database."""
    with Register.open(database_url, key_file=tmp_path / "identifier.keys") as register:
        yield register


@pytest.fixture
def links(database_url: str, tmp_path: Path) -> Iterator[Links]:
    """An index of links, on SQLite and once more on PostgreSQL."""
    with open_links(database_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Register]:
    """An empty register on SQLite."""
    with open_sqlite(tmp_path) as register:
        yield register
