import asyncio
import threading

from serving.api import readiness
from serving.api.readiness import RegisterProbe
from serving.register.errors import RegisterUnavailableError
from serving.register.register import Register
from serving.scheduling.refusals import NotReadyError
from tests.support.kept import open_sqlite
from tests.support.readers import KeywordAnalyzer
from tests.support.served import run_server, wait_for


class SlowRegister:
    """Answers when its gate opens, and counts how often it was asked."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.asked = 0

    def ask(self) -> None:
        self.asked += 1
        assert self.gate.wait(timeout=10)


class LostRegister:
    def ask(self) -> None:
        raise RegisterUnavailableError("the database failed (OperationalError); send it again")


async def reasons(probe: RegisterProbe, times: int) -> list[str]:
    """What so many that ask at once are told; nothing where it is ready."""
    asked = (probe.check() for _ in range(times))
    told = await asyncio.gather(*asked, return_exceptions=True)
    return [str(one) for one in told if isinstance(one, NotReadyError)]


def test_a_database_that_answers_makes_ready_on_both_kinds(register):
    with run_server(KeywordAnalyzer(), register=register) as (client, _):
        assert client.get("/readyz").json() == {"status": "ok"}


def test_a_database_that_is_gone_makes_not_ready_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(readiness, "_FRESH_S", 0.0)
    place = tmp_path / "register.db"
    url = f"sqlite:///{place}"
    with (
        Register.open(url, key_file=tmp_path / "identifier.keys") as register,
        run_server(KeywordAnalyzer(), register=register) as (client, _),
    ):
        register.engine.dispose()
        place.rename(tmp_path / "elsewhere.db")
        gone, alive = client.get("/readyz"), client.get("/livez")
        place.unlink()
        (tmp_path / "elsewhere.db").rename(place)
        register.engine.dispose()
        wait_for(lambda: client.get("/readyz").status_code == 200)
    assert (gone.status_code, gone.headers["retry-after"]) == (503, "1")
    assert gone.json()["detail"].startswith("database: ")
    assert str(tmp_path) not in gone.text
    assert alive.status_code == 200


def test_a_database_that_hangs_is_waited_for_only_so_long():
    slow = SlowRegister()

    async def ask() -> list[str]:
        try:
            return await reasons(RegisterProbe(slow, patience_s=0.05), 1)
        finally:
            slow.gate.set()

    assert asyncio.run(ask()) == ["database: 未及时应答 · no answer in 0.05 s"]


def test_many_that_ask_a_hanging_database_are_one_question():
    slow = SlowRegister()

    async def ask() -> int:
        probe = RegisterProbe(slow, patience_s=0.05)
        try:
            return len(await reasons(probe, 20)) + len(await reasons(probe, 20))
        finally:
            slow.gate.set()

    assert asyncio.run(ask()) == 40
    assert slow.asked == 1


def test_a_good_answer_stands_for_those_who_ask_a_moment_later():
    slow = SlowRegister()
    slow.gate.set()

    async def ask() -> list[str]:
        probe = RegisterProbe(slow, patience_s=5)
        return await reasons(probe, 10) + await reasons(probe, 10)

    assert asyncio.run(ask()) == []
    assert slow.asked == 1


def test_a_failed_question_is_told_without_what_is_meant_for_writers():
    told = asyncio.run(reasons(RegisterProbe(LostRegister(), patience_s=5), 1))
    assert told == ["database: 无法使用 · the database failed (OperationalError)"]


def test_a_service_that_keeps_nothing_asks_no_database(client):
    assert client.get("/readyz").status_code == 200


def test_a_key_that_the_file_lacks_makes_not_ready_and_shows_no_path(tmp_path, monkeypatch):
    monkeypatch.setattr(readiness, "_FRESH_S", 0.0)
    with (
        open_sqlite(tmp_path) as register,
        run_server(KeywordAnalyzer(), register=register) as (client, _),
    ):
        with open_sqlite(tmp_path) as other:
            before = (tmp_path / "identifier.keys").read_bytes()
            other.rotate_key(actor="tests")
        (tmp_path / "identifier.keys").write_bytes(before)  # this machine has not got it yet
        answer = client.get("/readyz")
    assert (answer.status_code, str(tmp_path) in answer.text) == (503, False)
    assert "key file" in answer.json()["detail"]
