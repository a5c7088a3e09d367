"""Links of a page, as they must read in the site. A link that leads nowhere is an error.

A page moves when it comes into the site, and not every file of the repository comes along: a link
to another page is bent, a link to a file that stays behind becomes its words.
"""

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path

from handbook.pages import Page
from models.errors import XiaobaoError

_FENCED = re.compile(r"^(```.*?^```)[ \t]*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|!\[[^\]]*\]\([^)]*\))*)\]\(([^)\s]+)\)")
_ELSEWHERE = re.compile(r"[a-z][a-z+.-]*:|#")


class LinkError(XiaobaoError):
    """A link to something that does not exist."""


def relink(page: Page, places: Mapping[str, str], *, root: Path) -> str:
    """The text of the page for the site; ``places`` maps a repository path to its site path.

    Raises LinkError naming page and target for a file that is not there.
    """

    def bend(match: re.Match[str]) -> str:
        mark, words, target = match.groups()
        if _ELSEWHERE.match(target):
            return match[0]
        path, _, anchor = target.partition("#")
        found = posixpath.normpath(posixpath.join(posixpath.dirname(page.origin), path))
        if found in places:
            leads = posixpath.relpath(places[found], posixpath.dirname(page.path) or ".")
            return f"{mark}[{words}]({leads}{'#' + anchor if anchor else ''})"
        if mark or not (root / found).exists():
            raise LinkError(f"{page.origin}: link to {target} found, an existing file wanted")
        return words

    pieces = _FENCED.split(page.text)  # every second one is a block of code
    return "".join(
        piece if number % 2 else _LINK.sub(bend, piece) for number, piece in enumerate(pieces)
    )
