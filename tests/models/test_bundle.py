"""The bundle: whole or refused, replaced or untouched."""

import json
from pathlib import Path
from typing import Any

import pytest

from models.bundle import MANIFEST, REQUIRED, BundleError, load_bundle, write_bundle
from models.calibration import CalibrationError
from models.codebook import AGENT_SIGNS, default_codebook
from models.errors import XiaobaoError
from models.labels import LabelSpaceError, label_space
from models.taxonomy import ROOT_CAUSES, default_taxonomy

LABELS = label_space(default_taxonomy(), default_codebook())
ENTRY = {"scale": 1.0, "bias": 0.0, "threshold": 0.5, "positives": 0}
CALIBRATION = {
    "labels": dict.fromkeys(LABELS.evidence, ENTRY),
    "demand": dict.fromkeys(LABELS.demand, ENTRY),
    "agent": ENTRY,
    "primary_temperature": 1.0,
    "evidence": {"causes": 0.5, "signs": 0.5, "marks": 0.5},
    "review": 0.5,
}
NETWORK = {"labels": LABELS.as_json(), "window": 64, "overlap": 16}


def files_of(**changes: bytes | str | Path) -> dict[str, bytes | str | Path]:
    """The files of a bundle; changes by name with ``__`` for the dot."""
    plain: dict[str, bytes | str | Path] = {
        "taxonomy.yaml": ROOT_CAUSES.read_bytes(),
        "signs.yaml": AGENT_SIGNS.read_bytes(),
        "tokenizer.json": '{"version": "1.0"}',
        "network.json": json.dumps(NETWORK),
        "network.onnx": b"\x08\x0a onnx",
        "calibration.json": json.dumps(CALIBRATION),
        "card.md": "# 模型卡\n",
    }
    return plain | {name.replace("__", "."): content for name, content in changes.items()}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A good bundle, in a directory of its own."""
    write_bundle(tmp_path / "bundle", files_of(), manifest={"name": "试"})
    return tmp_path / "bundle"


def change_manifest(directory: Path, **changes: Any) -> None:
    manifest = json.loads((directory / MANIFEST).read_text("utf-8"))
    (directory / MANIFEST).write_text(json.dumps(manifest | changes), "utf-8")


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_what_is_written_is_loaded(directory: Path) -> None:
    bundle = load_bundle(directory)
    assert (bundle.labels, bundle.taxonomy) == (LABELS, default_taxonomy())
    assert bundle.file("card.md").read_text("utf-8") == "# 模型卡\n"


def test_a_bundle_is_named_after_its_content(directory: Path, tmp_path: Path) -> None:
    write_bundle(tmp_path / "same", files_of(), manifest={"name": "试", "created": "later"})
    write_bundle(tmp_path / "other", files_of(card__md="# 别的\n"), manifest={"name": "试"})
    names = [load_bundle(path).name for path in (directory, tmp_path / "same", tmp_path / "other")]
    assert names[0] == names[1] != names[2]
    assert names[0].startswith("试@")


def test_nothing_but_the_bundle_is_left_beside_it(directory: Path) -> None:
    assert names_in(directory.parent) == ["bundle"]
    assert names_in(directory) == sorted([*REQUIRED, MANIFEST])


def test_a_bundle_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="nowhere: no such directory"):
        load_bundle(tmp_path / "nowhere")


def test_a_directory_without_a_manifest_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"no manifest\.json"):
        load_bundle(tmp_path)


@pytest.mark.parametrize("name", REQUIRED)
def test_a_bundle_without_one_of_its_files_is_refused(directory: Path, name: str) -> None:
    (directory / name).unlink()
    with pytest.raises(BundleError, match=f"{name} is missing"):
        load_bundle(directory)


@pytest.mark.parametrize("name", REQUIRED)
def test_a_file_that_the_manifest_does_not_list_is_not_trusted(directory: Path, name: str) -> None:
    files = json.loads((directory / MANIFEST).read_text("utf-8"))["files"]
    del files[name]
    change_manifest(directory, files=files)
    with pytest.raises(BundleError, match=f"{name} is missing"):
        load_bundle(directory)


@pytest.mark.parametrize("name", REQUIRED)
def test_one_flipped_bit_is_found(directory: Path, name: str) -> None:
    content = bytearray((directory / name).read_bytes())
    content[len(content) // 2] ^= 1
    (directory / name).write_bytes(content)
    with pytest.raises(BundleError, match=f"{name} was altered"):
        load_bundle(directory)


@pytest.mark.parametrize("name", REQUIRED)
def test_a_file_cut_short_is_found(directory: Path, name: str) -> None:
    (directory / name).write_bytes((directory / name).read_bytes()[:-1])
    with pytest.raises(BundleError, match=f"{name} was altered"):
        load_bundle(directory)


@pytest.mark.parametrize("found", [2, 0, "1", None])
def test_another_format_is_refused(directory: Path, found: object) -> None:
    change_manifest(directory, format=found)
    with pytest.raises(BundleError, match=f"bundle format {found!r} found, 1 wanted"):
        load_bundle(directory)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_a_broken_manifest_is_refused(directory: Path, content: bytes) -> None:
    (directory / MANIFEST).write_bytes(content)
    with pytest.raises(BundleError, match=r"manifest\.json"):
        load_bundle(directory)


@pytest.mark.parametrize("files", [None, [], {"card.md": "abc"}])
def test_a_manifest_that_lists_no_files_is_refused(directory: Path, files: object) -> None:
    change_manifest(directory, files=files)
    with pytest.raises(BundleError, match="lists no 'files'"):
        load_bundle(directory)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"network__json": "{"}, BundleError, r"network\.json: cannot be read as JSON"),
        ({"network__json": "{}"}, BundleError, "labels: NoneType found, dict wanted"),
        ({"network__json": '{"labels": {}, "window": "64"}'}, BundleError, "window: str found"),
        (
            {"network__json": '{"labels": {}, "window": 64, "overlap": 16}'},
            LabelSpaceError,
            "labels lack causes",
        ),
        ({"calibration__json": "[1]"}, BundleError, "list found, a JSON object wanted"),
        ({"calibration__json": "{}"}, CalibrationError, "labels"),
        ({"taxonomy__yaml": "version: '1'\n"}, XiaobaoError, r"taxonomy\.yaml"),
        ({"signs__yaml": "- 1\n"}, XiaobaoError, r"signs\.yaml"),
    ],
)
def test_a_whole_bundle_of_wrong_content_is_refused(
    tmp_path: Path, changes: dict[str, str], error: type[XiaobaoError], message: str
) -> None:
    write_bundle(tmp_path / "bundle", files_of(**changes), manifest={"name": "试"})
    with pytest.raises(error, match=message):
        load_bundle(tmp_path / "bundle")


def test_labels_that_the_taxonomy_does_not_name_are_refused(tmp_path: Path) -> None:
    labels = {**LABELS.as_json(), "causes": ["CLAIM.NOWHERE"]}
    network = json.dumps({**NETWORK, "labels": labels})
    write_bundle(tmp_path / "bundle", files_of(network__json=network), manifest={"name": "试"})
    with pytest.raises(LabelSpaceError, match=r"CLAIM\.NOWHERE found"):
        load_bundle(tmp_path / "bundle")


@pytest.mark.parametrize("name", REQUIRED)
def test_a_bundle_that_lacks_a_file_is_not_written(tmp_path: Path, name: str) -> None:
    files = {key: content for key, content in files_of().items() if key != name}
    with pytest.raises(BundleError, match=name):
        write_bundle(tmp_path / "bundle", files, manifest={"name": "试"})
    assert names_in(tmp_path) == []


def test_a_bundle_without_a_name_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="a name in its manifest"):
        write_bundle(tmp_path / "bundle", files_of(), manifest={})


def test_a_manifest_cannot_claim_another_format(tmp_path: Path) -> None:
    write_bundle(tmp_path / "bundle", files_of(), manifest={"name": "试", "format": 7})
    assert load_bundle(tmp_path / "bundle").manifest["format"] == 1


def test_an_older_bundle_is_replaced(directory: Path) -> None:
    write_bundle(directory, files_of(card__md="# 新\n"), manifest={"name": "新"})
    assert load_bundle(directory).manifest["name"] == "新"
    assert names_in(directory.parent) == ["bundle"]


def test_a_failure_while_writing_leaves_the_old_bundle(directory: Path) -> None:
    broken = files_of(card__md=directory / "no such file")
    with pytest.raises(FileNotFoundError):
        write_bundle(directory, broken, manifest={"name": "新"})
    assert load_bundle(directory).manifest["name"] == "试"
    assert names_in(directory.parent) == ["bundle"]


def test_a_failure_at_the_last_move_leaves_the_old_bundle(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = Path.rename

    def fail_into_place(self: Path, target: Path) -> Path:
        if Path(target) == directory and "-old-" not in str(self):
            raise OSError("the disk is gone")
        return move(self, target)

    monkeypatch.setattr(Path, "rename", fail_into_place)
    with pytest.raises(OSError, match="the disk is gone"):
        write_bundle(directory, files_of(), manifest={"name": "新"})
    assert load_bundle(directory).manifest["name"] == "试"
    assert names_in(directory.parent) == ["bundle"]


def test_a_directory_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "台账.xlsx").write_text("客户的文件", "utf-8")
    with pytest.raises(BundleError, match="holds something else"):
        write_bundle(tmp_path, files_of(), manifest={"name": "试"})
    assert names_in(tmp_path) == ["台账.xlsx"]


def test_a_file_is_not_taken_for_a_directory(tmp_path: Path) -> None:
    (tmp_path / "bundle").write_text("客户的文件", "utf-8")
    with pytest.raises(BundleError, match="holds something else"):
        write_bundle(tmp_path / "bundle", files_of(), manifest={"name": "试"})
    assert (tmp_path / "bundle").read_text("utf-8") == "客户的文件"


def test_an_empty_directory_may_become_a_bundle(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    write_bundle(tmp_path / "bundle", files_of(), manifest={"name": "试"})
    assert load_bundle(tmp_path / "bundle").manifest["name"] == "试"
