"""The site on the disk: pages laid out, then built strictly by Zensical. Nothing is fetched."""

import json
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from handbook.links import relink
from handbook.navigation import HOME, Navigation, home_page, navigate, page_title
from handbook.pages import DOCS, generated_pages, written_pages
from models.errors import XiaobaoError

CONFIG = "zensical.toml"
_HOMES = {"README.md": HOME, "README.zh-CN.md": HOME}

# Fonts, icons and scripts come from the package; pages open from a folder, without a server.
_SETTINGS = """[project]
site_name = "消保 xiaobao"
docs_dir = "pages"
site_dir = "site"
use_directory_urls = false
extra.generator = false
nav = [
{nav}]

[project.theme]
language = "zh"
font = false
features = [
  "content.code.copy",
  "navigation.footer",
  "navigation.indexes",
  "navigation.top",
  "search.highlight",
]

[project.plugins.search]
"""


class SiteError(XiaobaoError):
    """The site cannot be built."""


def lay_out(root: Path, directory: Path) -> Navigation:
    """Write pages, pictures and settings below ``directory``; what was laid out there.

    Raises LinkError where a page links to a file that does not exist.
    """
    pages = [*written_pages(root), *generated_pages(root)]
    assets = [path for path in sorted((root / DOCS).rglob("*.*")) if _is_asset(path)]
    places = _HOMES | {page.origin: page.path for page in pages}
    places |= {_origin(path, root): path.relative_to(root / DOCS).as_posix() for path in assets}
    texts = {page.path: relink(page, places, root=root) for page in pages}
    navigation = navigate(texts)
    texts[HOME] = home_page(navigation, texts)
    for path, text in texts.items():
        _write(directory / "pages" / path, text)
    for asset in assets:
        target = directory / "pages" / asset.relative_to(root / DOCS)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(asset, target)
    _write(directory / CONFIG, settings_text(navigation, texts))
    return navigation


def settings_text(navigation: Navigation, texts: dict[str, str]) -> str:
    """The settings of the tool, in TOML; a JSON string is a TOML string."""
    lines = [f"  {{{_quoted('首页 · Home')} = {_quoted(HOME)}}},\n"]
    for title, paths in navigation.items():
        entries = (f"{{{_quoted(page_title(p, texts[p]))} = {_quoted(p)}}}" for p in paths)
        lines.append(f"  {{{_quoted(title)} = [{', '.join(entries)}]}},\n")
    return _SETTINGS.replace("{nav}", "".join(lines))


def build(root: Path, *, out: Path) -> int:
    """Build the site strictly and put it at ``out``; the number of pages.

    An earlier site stays until the new one stands. Raises SiteError for any warning, LinkError for
    a link to nowhere.
    """
    if find_spec("zensical") is None:
        raise SiteError("zensical is not installed; install the docs extra: pip install '.[docs]'")
    with tempfile.TemporaryDirectory() as scratch:
        navigation = lay_out(root, Path(scratch))
        run_tool(Path(scratch))
        shutil.rmtree(out, ignore_errors=True)
        shutil.move(Path(scratch) / "site", out)
    return 1 + sum(map(len, navigation.values()))


def run_tool(directory: Path) -> None:
    """Build what was laid out there, into ``site`` beside it; SiteError for any warning."""
    words = [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "-f", CONFIG]
    result = subprocess.run(words, cwd=directory, capture_output=True, text=True, check=False)
    if result.returncode:
        told = result.stderr.partition("Traceback")[0].strip()
        raise SiteError(f"the site has warnings, none wanted:\n{told}")


def _is_asset(path: Path) -> bool:
    return path.is_file() and path.suffix != ".md"


def _origin(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
