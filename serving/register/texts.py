"""Texts as they are kept: masked (the default), not at all, or encrypted with a key outside.

Encrypted, the whole record is kept, so that it can be masked by its own fields when it is shown.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Literal, get_args

import structlog
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Connection, select

from models.privacy import mask_record
from models.record import Record
from serving.private_files import create_once
from serving.register.errors import RegisterError
from serving.register.tables import cases

TextForm = Literal["masked", "none", "encrypted"]
_NEWEST = (
    select(cases.c.text)
    .where(cases.c.text_form == "encrypted", cases.c.text.is_not(None))
    .order_by(cases.c.id.desc())
    .limit(1)
)
FORMS: tuple[TextForm, ...] = get_args(TextForm)


class Texts:
    """Keeps texts in one form and reads every form; ``key_file`` holds one Fernet key a line.

    The first key writes, all of them read: put a new one on top to rotate.
    """

    def __init__(self, form: TextForm, *, key_file: Path) -> None:
        self.form = form
        self._key_file = key_file

    def prepare(self, connection: Connection) -> None:
        """Make the key file where texts shall be encrypted and none has been; else try it.

        Raises RegisterError where it is not the file that wrote the newest encrypted text: with
        another, texts would be written that no server but this one can read.
        """
        if self.form != "encrypted":
            return
        kept = connection.execute(_NEWEST).scalar()
        if kept is None:
            try:
                create_once(self._key_file, Fernet.generate_key() + b"\n")
            except OSError as error:
                message = f"{self._key_file}: cannot be made ({error.strerror})"
                raise RegisterError(message) from None
        self._cipher()
        if kept is not None:
            self._open(kept)

    def keep(self, record: Record) -> str | None:
        """What is written into the database of this record's text."""
        match self.form:
            case "masked":
                return mask_record(record)
            case "none":
                return None
            case "encrypted":
                whole = json.dumps(asdict(record), ensure_ascii=False).encode()
                return self._cipher().encrypt(whole).decode()

    def masked(self, kept: str | None, form: str) -> str | None:
        """The masked text of what was kept; None where there is none, or no key opens it."""
        if form == "encrypted" and kept is not None:
            try:
                return mask_record(self._open(kept))
            except RegisterError as error:  # one row must not keep all others from being shown
                structlog.get_logger(__name__).error("stored text not read", reason=str(error))
                return None
        return kept

    def clear(self, kept: str | None, form: str) -> str | None:
        """The text as it came where it was encrypted, else as ``masked``."""
        if form == "encrypted" and kept is not None:
            return self._open(kept).text
        return kept

    def _open(self, kept: str) -> Record:
        try:
            return Record(**json.loads(self._cipher().decrypt(kept)))
        except InvalidToken:
            raise RegisterError(
                f"{self._key_file}: no key in it opens a stored text, wanted the one that wrote it"
            ) from None

    def _cipher(self) -> MultiFernet:
        try:
            lines = self._key_file.read_text("ascii").split()
            return MultiFernet([Fernet(line) for line in lines])
        except OSError as error:
            raise RegisterError(f"{self._key_file}: cannot be read ({error.strerror})") from None
        except ValueError:
            raise RegisterError(f"{self._key_file}: wanted one Fernet key a line") from None
