"""A service with its console and one case in it, and how a browser speaks to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import httpx

from models.record import Record
from serving.register.asked import CaseFilter
from serving.register.register import Register
from serving.register.worklist import find_cases
from serving.vocabulary import default_vocabulary
from tests.support.one_group import OneGroup
from tests.support.readers import KeywordAnalyzer
from tests.support.served import run_server

PHONE = "19900001101"
TEXT = f"理赔资料交了四十天,请回电{PHONE},不然全额退保。"
LEVELS = list(default_vocabulary().levels)
ROUTES = list(default_vocabulary().routes)


def open_joining(folder: Path) -> Register:
    """A register in this folder that joins every case with all others."""
    url = f"sqlite:///{folder / 'register.db'}"
    return Register.open(url, key_file=folder / "k", index=lambda _: OneGroup())


@contextmanager
def open_console(register: Register, folder: Path) -> Iterator[httpx.Client]:
    """A client of a service that keeps its cases in this register, with one case in it."""
    with run_server(KeywordAnalyzer(), register=register, data_dir=folder) as (client, _):
        assert send(client).status_code == 200
        yield client


def send(client: httpx.Client, **fields) -> httpx.Response:
    body = {"text": TEXT, "case_id": "T-1", "phone": PHONE, **fields}
    return client.post("/v1/assess", json=body)


class Fields(HTMLParser):
    """The hidden fields of a page, and every tag with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    @property
    def hidden(self) -> dict[str, str | None]:
        inputs = (given for tag, given in self.tags if tag == "input")
        return {i["name"]: i["value"] for i in inputs if i.get("type") == "hidden"}


def review(client: httpx.Client, *, case_id: str = "T-1", **fields) -> httpx.Response:
    page = client.get("/console/case", params={"id": case_id})
    form = {**Fields(page.text).hidden, "reviewer": "复核一组", **fields}
    return client.post("/console/case", params={"id": case_id}, data=form)


def unchanged(**changes) -> dict:
    labels = {
        "primary": "CLAIM.CLAIM_DELAY",
        "causes": ["CLAIM.CLAIM_DELAY"],
        "signs": ["PS_FULL_REFUND_ONLY"],
        "agent_run": "no",
    }
    return {"decision": "modify", "reason": "客户本人来函", **labels, **changes}


def found(register: Register, **wanted) -> list[str]:
    order = wanted.pop("order", "newest")
    orders = {"levels": LEVELS, "routes": ROUTES, "order": order}
    cases = find_cases(register, CaseFilter(**wanted), **orders, limit=25).cases
    return [case.case_id for case in cases]


def keep_routed(register: Register, case_id: str, route: str) -> None:
    """A case that goes somewhere instead of getting a level."""
    record = Record("再不解决我也没脸活了", case_id=case_id)
    (read,) = KeywordAnalyzer().assess([record])
    register.accept(record, replace(read, agent=replace(read.agent, level="NONE", route=route)))
