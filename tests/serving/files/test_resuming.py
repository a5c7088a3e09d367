import json
import os
import random
import signal
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from models.analyzer import load_analyzer
from serving.files.partial import BusyError, PartFile
from serving.files.scoring import score_file
from tests.support.places import ROOT
from tests.support.readers import KeywordAnalyzer
from tests.support.sampled import SAMPLES
from tests.support.slow_reader import score_slowly


def write_rows(path: Path, count: int) -> Path:
    """Rows of which every seventh is broken, so that numbers of rows and of records differ."""
    rows = [{"text": f"第{n}件,理赔{'太慢' * (n % 9)}", "case_id": f"T-{n}"} for n in range(count)]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    lines[3::7] = ["坏行"] * len(lines[3::7])
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def start(source: Path, out: Path, engine: str = "alone") -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        str(ROOT / "tests/support/slow_reader.py"),
        str(source),
        str(out),
        engine,
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)


def lines_written(out: Path) -> int:
    try:
        return out.with_name(out.name + ".part").read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


def kill_after(run: subprocess.Popen[bytes], out: Path, *, lines: int, pause: float) -> None:
    """Kill -9 a moment after the part file has so many lines, unless the run was quicker."""
    while run.poll() is None and not out.exists() and lines_written(out) < lines:
        time.sleep(0.002)
    time.sleep(pause)
    run.send_signal(signal.SIGKILL)
    _, said = run.communicate(timeout=30)
    assert run.returncode in {-signal.SIGKILL, 0}, said.decode()


def is_same(one: Path, two: Path) -> bool:
    if one.suffix == ".parquet":
        return bool(pyarrow.parquet.read_table(one).equals(pyarrow.parquet.read_table(two)))
    return one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_a_run_killed_at_random_moments_ends_as_if_it_had_not_been(tmp_path, suffix):
    source = write_rows(tmp_path / "in.jsonl", 600)
    out, whole = tmp_path / f"out.{suffix}", tmp_path / f"whole.{suffix}"
    score_slowly(source, whole, seconds=0)
    chance = random.Random()
    for share in (0.1, 0.4, 0.7):
        lines = int(514 * share) + chance.randrange(60)
        kill_after(start(source, out), out, lines=lines, pause=chance.random() / 50)
        assert not out.exists(), "the run was quicker than its kill"
    outcome = score_slowly(source, out, seconds=0)
    assert lines <= outcome.resumed < 514
    assert (outcome.answered, outcome.failed) == (514, 86)
    assert is_same(out, whole)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["in.jsonl", *(f"{n}.{s}" for n in ("out", "whole") for s in (suffix, "errors.jsonl"))]
    )


def test_a_run_on_all_cores_killed_goes_on_and_leaves_no_process_behind(tmp_path):
    rows = (SAMPLES / "complaints.jsonl").read_text("utf-8").splitlines()
    short = [json.loads(row)["text"] for row in rows if len(row) < 900][:48]
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(json.dumps({"text": t}) + "\n" for t in short), "utf-8")
    run = start(source, out, "processes")
    while run.poll() is None and lines_written(out) < 8:
        time.sleep(0.01)
    workers = children_of(run.pid)
    kill_after(run, out, lines=8, pause=0.05)
    assert all(is_gone(pid) for pid in workers)
    analyzer = load_analyzer()  # another engine may go on: its answers are the same
    resumed = score_file(source, out, analyzer=analyzer).resumed
    assert 8 <= resumed < 48
    score_file(source, tmp_path / "whole.jsonl", analyzer=analyzer)
    assert is_same(out, tmp_path / "whole.jsonl")


def children_of(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []


def is_gone(pid: int) -> bool:
    for _ in range(500):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def test_a_second_run_for_one_output_is_refused_while_the_first_one_writes(tmp_path):
    source, out = write_rows(tmp_path / "in.jsonl", 20), tmp_path / "out.jsonl"
    with PartFile(out, owner={}), pytest.raises(BusyError, match=r"out\.jsonl\.part"):
        score_file(source, out, analyzer=KeywordAnalyzer())


def test_what_a_kill_while_the_output_was_written_left_is_swept(tmp_path):
    source, out = write_rows(tmp_path / "in.jsonl", 20), tmp_path / "out.jsonl"
    (tmp_path / ".out.jsonl.4711").write_bytes(b"half")
    (tmp_path / ".out.jsonl.mine").write_bytes(b"not ours")
    score_file(source, out, analyzer=KeywordAnalyzer())
    hidden = [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert hidden == [".out.jsonl.mine"]


def test_a_parquet_file_of_one_row_group_is_read_in_pieces(tmp_path):
    chance = random.Random(0)
    texts = ["".join(chr(chance.randrange(0x4E00, 0x9FA5)) for _ in range(200)) for _ in range(200)]
    column = [f"{n}{texts[n % 200]}{texts[n % 199]}" for n in range(20_000)]
    source = tmp_path / "in.parquet"
    table = pyarrow.table({"text": column})
    pyarrow.parquet.write_table(table, source, row_group_size=20_000, compression="none")
    # In a process of its own: what Arrow held at most, it tells of the whole process.
    code = (
        "import sys, pathlib, pyarrow; from models.rows import read_rows\n"
        f"print(sum(1 for _ in read_rows(pathlib.Path({str(source)!r}))))\n"
        "print(pyarrow.default_memory_pool().max_memory())"
    )
    command = [sys.executable, "-c", code]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    rows, most = map(int, told.stdout.split())
    assert (rows, source.stat().st_size > 20 * 2**20) == (20_000, True)
    assert most < 12 * 2**20


def test_neither_rows_nor_faults_of_a_file_are_kept_in_memory(tmp_path):
    """Four times the rows, good and bad, at the same peak."""
    peaks = [peak_of(write_rows(tmp_path / f"{n}.jsonl", n)) for n in (1_000, 4_000)]
    assert peaks[1] - peaks[0] < 2**17


def peak_of(source: Path) -> int:
    """Bytes that Python held at most while the file was scored."""
    out = source.with_suffix(".out.jsonl")
    tracemalloc.start()
    try:
        score_slowly(source, out, seconds=0, chunk=128)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
