"""Settings of the service: read from XIAOBAO_* variables when asked for, never at import."""

import re
from pathlib import Path
from typing import Any, Literal

import limits
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.errors import XiaobaoError

MOST_RECORDS = 256
"""The most records one batch request may hold: part of the API, settings can only lower it."""

ANY_HOST = "*"
"""The allowed name that allows every name."""

_A_DAY = 86_400
"""The most seconds that anything here may wait."""

_HOST_NAME = re.compile(r"\*|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")


_COLLECTOR = re.compile(r"https?://[^/\s?#@]+(?:/[^\s?#@]*)?")  # a key in it would be logged


class SettingsError(XiaobaoError):
    """A setting has a value that cannot be meant."""


class ServingSettings(BaseSettings):
    """How the service runs. What the network knows (thresholds, names) travels in its bundle."""

    model_config = SettingsConfigDict(
        env_prefix="XIAOBAO_", env_ignore_empty=True, frozen=True, extra="ignore"
    )

    host: str = Field("127.0.0.1", description="Address to listen on; loopback unless allowed.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    allowed_hosts: str | None = Field(
        None,
        description="Names clients may call it by, with commas (`*.a.cn`: all below it; `*`: any); "
        "localhost and addresses in digits always may.",
    )
    bundle: Path | None = Field(None, description="Bundle directory; empty: the embedded bundle.")
    threads: int | None = Field(
        None, ge=1, description="Threads of the inference runtime; empty: the runtime decides."
    )
    runtime: Literal["auto", "onnx", "openvino", "torch"] = Field(
        "onnx",
        description="What reads: `onnx`, `openvino`, `torch`, or `auto`: the fastest in a trial.",
    )
    precision: Literal["auto", "fp32"] = Field(
        "auto",
        description="`fp32`: nothing less; `auto`: bf16 on OpenVINO where the processor has it.",
    )
    max_body_bytes: int = Field(
        8 * 1024 * 1024, ge=1024, description="Largest request body in bytes; above it: 413."
    )
    max_text_chars: int = Field(
        200_000,
        ge=1000,
        description="Longest single text in code points; above it: 413. Nothing is ever cut.",
    )
    max_batch: int = Field(
        MOST_RECORDS, ge=1, le=MOST_RECORDS, description="Most records in one batch request."
    )
    batch_tokens: int = Field(
        8192, ge=512, description="Tokens (about one a character) read in one inference batch."
    )
    batch_wait_ms: float = Field(
        2.0, ge=0, le=1000, description="Wait for company while busy; an idle service never waits."
    )
    queue_tokens: int = Field(
        500_000, ge=1000, description="Tokens accepted but not yet read; above it: 429."
    )
    deadline_s: float = Field(
        60.0,
        gt=0,
        le=_A_DAY,
        description="Longest wait for an answer in seconds: 429 if more is foreseen, 503 after it.",
    )
    stuck_after_s: float = Field(
        30.0,
        gt=0,
        le=_A_DAY,
        description="Seconds in one batch after which its thread is replaced.",
    )
    max_header_bytes: int = Field(
        16 * 1024, ge=1024, description="Largest head of a request in bytes; above it: 400."
    )
    keys: Path | None = Field(
        None, description="File of API keys; empty: no keys, and this machine only."
    )
    rate_limit: str | None = Field(
        None, description="Requests a key may make, such as 600/minute; empty: no limit."
    )
    bundles: Path | None = Field(
        None, description="Directory of the bundles that /v1/admin/bundle may load; empty: none."
    )
    database: str | None = Field(
        None,
        description="Address of the database; empty: a SQLite file in the data directory; `none`: "
        "nothing is kept.",
    )
    database_password_file: Path | None = Field(
        None,
        description="File that holds the password of PostgreSQL, one line; empty: none. Read anew "
        "at every connection.",
    )
    database_wait_s: float = Field(
        2.0, gt=0, le=60, description="Longest wait of /readyz for the database in seconds."
    )
    data_dir: Path = Field(
        Path("xiaobao-data"), description="Directory of the SQLite file and of key files."
    )
    key_file: Path | None = Field(
        None, description="Keys of identifiers; empty: `identifier.keys` in the data directory."
    )
    stored_text: Literal["masked", "none", "encrypted"] = Field(
        "masked", description="How texts are kept: `masked`, `none` or `encrypted`."
    )
    text_key_file: Path | None = Field(
        None, description="Keys of encrypted texts; empty: `text.keys` in the data directory."
    )
    hubs: Path | None = Field(
        None,
        description="File of what strangers share by chance (`hubs.yaml`), in place of ours; "
        "empty: ours.",
    )
    traces: str | None = Field(
        None,
        description="Address of a collector of traces that speaks OTLP, such as "
        "http://127.0.0.1:4318; empty: no traces.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe log line written; lines never hold text of a complaint."
    )

    @property
    def host_names(self) -> frozenset[str]:
        """The names of ``allowed_hosts``, in small letters."""
        return frozenset(_names(self.allowed_hosts or ""))

    @field_validator("allowed_hosts")
    @classmethod
    def check_hosts(cls, hosts: str | None) -> str | None:
        """Names of hosts, without scheme or port."""
        if not all(_HOST_NAME.fullmatch(name) for name in _names(hosts or "")):
            raise ValueError("wanted names such as xiaobao.intra.cn, without scheme and port")
        return hosts

    @field_validator("traces")
    @classmethod
    def check_traces(cls, address: str | None) -> str | None:
        """An address of http or https."""
        if address is not None and not _COLLECTOR.fullmatch(address):
            raise ValueError("wanted an address such as http://127.0.0.1:4318")
        return address

    @field_validator("rate_limit")
    @classmethod
    def check_rate(cls, rate: str | None) -> str | None:
        """A rate that the library ``limits`` can read."""
        if rate is not None:
            try:
                limits.parse(rate)
            except ValueError:
                raise ValueError("wanted a rate such as 600/minute") from None
        return rate


def read_settings(**given: Any) -> ServingSettings:
    """Settings from the environment, with what was given (not None) on top.

    Raises SettingsError naming each variable that cannot be meant, without its value.
    """
    try:
        return ServingSettings(
            **{name: value for name, value in given.items() if value is not None}
        )
    except ValidationError as error:
        faults = (
            f"XIAOBAO_{fault['loc'][0]}".upper() + f": {fault['msg']}" for fault in error.errors()
        )
        raise SettingsError("; ".join(faults)) from None


def _names(hosts: str) -> list[str]:
    return [name.strip().lower() for name in hosts.split(",") if name.strip()]
