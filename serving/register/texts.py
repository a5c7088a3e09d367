"""Texts as they are kept: masked (the default), not at all, or encrypted with a key outside.

Encrypted, the whole record is kept, so that it can be masked by its own fields when it is shown.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Literal, get_args

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from models.privacy import mask_record
from models.record import Record
from serving.private_files import create_once
from serving.register.errors import RegisterError

TextForm = Literal["masked", "none", "encrypted"]
FORMS: tuple[TextForm, ...] = get_args(TextForm)


class Texts:
    """Keeps texts in one form and reads every form; ``key_file`` holds one Fernet key a line.

    The first key writes, all of them read: put a new one on top to rotate.
    """

    def __init__(self, form: TextForm, *, key_file: Path) -> None:
        self.form = form
        self._key_file = key_file
        if form == "encrypted":
            create_once(key_file, Fernet.generate_key() + b"\n")
            self._cipher()

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
        """The masked text of what was kept, or None where there is none."""
        if form == "encrypted" and kept is not None:
            return mask_record(self._open(kept))
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
