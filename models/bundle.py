"""The bundle: one directory that holds all a model knows. All disk work of it stands here.

Written atomically, verified before use: a bundle that was altered, cut short or half copied is
refused with a message that names the file.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.calibration import Calibration
from models.codebook import Codebook, load_codebook
from models.errors import XiaobaoError
from models.labels import LabelSpace
from models.taxonomy import RootCauseTaxonomy, load_taxonomy
from models.whole_files import sync_folder, write_whole

FORMAT = 1
FULL_PRECISION = "fp32"  # what a bundle computes in whose manifest says nothing else
MANIFEST = "manifest.json"
REQUIRED = (
    "taxonomy.yaml",
    "signs.yaml",
    "tokenizer.json",
    "network.json",
    "network.onnx",
    "calibration.json",
    "card.md",
)
EMBEDDED_BUNDLE = Path(__file__).parent / "embedded" / "bundle"


class BundleError(XiaobaoError):
    """A bundle that is missing, incomplete, altered or of another format."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified bundle. ``network`` is ``network.json``: labels, shape, window, overlap."""

    directory: Path
    manifest: Mapping[str, Any]
    taxonomy: RootCauseTaxonomy
    codebook: Codebook
    labels: LabelSpace
    calibration: Calibration
    network: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Name and the first digits of the fingerprint: which weights gave an answer."""
        return f"{self.manifest['name']}@{self.fingerprint[:12]}"

    @property
    def precision(self) -> str:
        """What the network computes in: fp32, or int8 where it was quantized."""
        return str(self.manifest.get("precision", FULL_PRECISION))

    @property
    def fingerprint(self) -> str:
        """sha256 over the hashes of all files, in hexadecimal."""
        hashes = sorted((n, f["sha256"]) for n, f in self.manifest["files"].items())
        return hashlib.sha256(json.dumps(hashes).encode()).hexdigest()

    def file(self, name: str) -> Path:
        """The path of one of the bundle's files."""
        return self.directory / name


def load_bundle(directory: Path | None = None) -> Bundle:
    """A bundle whose hashes and format are right; the embedded one by default.

    Raises BundleError naming the directory and what was found and wanted.
    """
    directory = directory or EMBEDDED_BUNDLE
    manifest = _manifest(directory)
    for name in dict.fromkeys((*REQUIRED, *manifest["files"])):
        _verify(directory, name, manifest["files"])
    network = _network(directory)
    taxonomy = load_taxonomy(directory / "taxonomy.yaml")
    codebook = load_codebook(directory / "signs.yaml")
    labels = LabelSpace.from_json(network["labels"])
    labels.check_known(taxonomy, codebook)
    return Bundle(
        directory=directory,
        manifest=manifest,
        taxonomy=taxonomy,
        codebook=codebook,
        labels=labels,
        calibration=Calibration.from_json(_json(directory / "calibration.json")),
        network=network,
    )


def write_bundle(
    directory: Path, files: Mapping[str, bytes | str | Path], *, manifest: Mapping[str, Any]
) -> None:
    """Writes the files and their manifest beside ``directory``, then moves them into place.

    files: content, or a file to copy, by name in the bundle. An older bundle at ``directory`` is
    replaced only when the new one is whole on disk; anything else there is left alone, and
    BundleError says so.
    """
    missing = [name for name in REQUIRED if name not in files]
    missing += [] if "name" in manifest else ["a name in its manifest"]
    if missing:
        raise BundleError(f"{directory}: a bundle needs {', '.join(missing)}")
    directory = directory.absolute()
    check_free(directory)
    directory.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        for name, content in files.items():
            _write(staging / name, content)
        listed = {name: _entry(staging / name) for name in sorted(files)}
        whole = {**manifest, "format": FORMAT, "files": listed}
        _write(staging / MANIFEST, json.dumps(whole, ensure_ascii=False, indent=1) + "\n")
        staging.chmod(0o755)
        _replace(staging, directory)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    sync_folder(directory.parent)


def check_free(directory: Path) -> None:
    """Raises BundleError where a directory holds no bundle but something: somebody's work."""
    if not directory.exists() or (directory / MANIFEST).is_file():
        return
    if not directory.is_dir() or any(directory.iterdir()):
        raise BundleError(f"{directory}: holds something else; wanted a new or empty directory")


def _manifest(directory: Path) -> Mapping[str, Any]:
    if not directory.is_dir():
        raise BundleError(f"{directory}: no such directory; wanted a bundle directory")
    if not (directory / MANIFEST).is_file():
        raise BundleError(f"{directory}: no {MANIFEST}; wanted a directory that train wrote")
    manifest = _json(directory / MANIFEST)
    if manifest.get("format") != FORMAT:
        found = manifest.get("format")
        raise BundleError(f"{directory}: bundle format {found!r} found, {FORMAT} wanted")
    files = manifest.get("files")
    if not isinstance(files, dict) or not all(isinstance(f, dict) for f in files.values()):
        raise BundleError(f"{directory}: {MANIFEST} lists no 'files' with hash and size")
    if "name" not in manifest:
        raise BundleError(f"{directory}: {MANIFEST} lacks 'name'")
    return manifest


def _network(directory: Path) -> Mapping[str, Any]:
    network = _json(directory / "network.json")
    wanted = {"labels": dict, "window": int, "overlap": int}
    for name, kind in wanted.items():
        if not isinstance(network.get(name), kind):
            found = type(network.get(name)).__name__
            raise BundleError(
                f"{directory}: network.json: {name}: {found} found, {kind.__name__} wanted"
            )
    return network


def _verify(directory: Path, name: str, files: Mapping[str, Any]) -> None:
    path = directory / name
    if name not in files or not path.is_file():
        raise BundleError(f"{directory}: {name} is missing; the bundle is incomplete")
    found, wanted = _entry(path), files[name]
    if found != wanted:
        raise BundleError(
            f"{directory}: {name} was altered: {found['size']} bytes with sha256 "
            f"{found['sha256'][:12]}… found, {wanted.get('size')} bytes with "
            f"{str(wanted.get('sha256'))[:12]}… wanted"
        )


def _entry(path: Path) -> dict[str, Any]:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"sha256": digest, "size": path.stat().st_size}


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BundleError(f"{path}: cannot be read as JSON: {type(error).__name__}") from error
    if not isinstance(content, dict):
        raise BundleError(f"{path}: {type(content).__name__} found, a JSON object wanted")
    return content


def _write(path: Path, content: bytes | str | Path) -> None:
    if isinstance(content, Path):
        content = content.read_bytes()
    write_whole(path, [content.encode("utf-8") if isinstance(content, str) else content])


def _replace(staging: Path, directory: Path) -> None:
    if not directory.exists():
        staging.rename(directory)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{directory.name}-old-", dir=directory.parent))
    directory.rename(old / directory.name)
    try:
        staging.rename(directory)
    except BaseException:
        (old / directory.name).rename(directory)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)
