"""What a database takes of a text: neither does PostgreSQL keep a NUL, nor any half a pair."""

import re

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """The text with each character that no database keeps replaced; its length stays.

    For words that are looked for as for words that are kept: the ones find the others.
    """
    return _UNSTORABLE.sub("\ufffd", text)
