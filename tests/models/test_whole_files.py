"""Files written whole: the old content until the new one is there, and nothing left beside it."""

import stat
from pathlib import Path
from threading import Thread

import pytest

from models.whole_files import OWNER_ONLY, leftovers_of, place_beside, sync_folder, write_whole
from serving.private_files import create_once


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def breaking_off():
    yield "前半".encode()
    raise OSError("no more")


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "投诉.jsonl"
    path.write_bytes(b"old")
    write_whole(path, [b"new ", b"content"])
    assert (path.read_bytes(), names(tmp_path)) == (b"new content", ["投诉.jsonl"])


def test_where_writing_breaks_off_the_old_file_stays_alone(tmp_path):
    path = tmp_path / "投诉.jsonl"
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="no more"):
        write_whole(path, breaking_off())
    assert (path.read_bytes(), names(tmp_path)) == (b"old", ["投诉.jsonl"])


@pytest.mark.parametrize("older", [True, False])
def test_a_file_of_secrets_is_for_its_owner_only(tmp_path, older):
    path = tmp_path / "secrets"
    if older:
        path.write_bytes(b"old")
        path.chmod(0o644)
    write_whole(path, [b"new"], mode=OWNER_ONLY)
    assert stat.S_IMODE(path.stat().st_mode) == OWNER_ONLY


def test_a_file_made_once_stays_as_it_was_made(tmp_path):
    path = tmp_path / "deep" / "secrets"
    create_once(path, b"first")
    create_once(path, b"second")
    assert (path.read_bytes(), names(path.parent)) == (b"first", ["secrets"])
    assert stat.S_IMODE(path.stat().st_mode) == OWNER_ONLY


def test_threads_that_write_one_file_do_not_mix_what_they_write(tmp_path):
    path = tmp_path / "shared"
    contents = [bytes([65 + number]) * 100_000 for number in range(8)]
    threads = [Thread(target=write_whole, args=(path, [content])) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in contents
    assert names(tmp_path) == ["shared"]


def test_what_a_killed_process_left_is_found_by_its_name(tmp_path):
    path = tmp_path / "out.jsonl"
    for name in (".out.jsonl.4711", ".out.jsonl.mine", ".out.jsonl.1.part", "out.jsonl.1"):
        (tmp_path / name).touch()
    with place_beside(path) as place:
        place.touch()
        assert set(leftovers_of(path)) == {place, tmp_path / ".out.jsonl.4711"}


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    sync_folder(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync_folder(tmp_path / "none")
