"""What a process uses: memory and processor time, and of which processor. Reads ``/proc``."""

import contextlib
import os
import platform
from pathlib import Path


def cpu_name() -> str:
    """The model of the processor, where the system says it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def memory_mb(pid: int | None = None) -> float:
    """Resident megabytes (10^6) of a process, this one by default."""
    pages = int(Path(f"/proc/{pid or 'self'}/statm").read_text("utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def memory_mb_of_group(group: int) -> float:
    """Megabytes (10^6) of all processes of a process group; pages that they share count once."""
    total = 0.0
    for pid in _group(group):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8").splitlines()
            shares = [line.split()[1] for line in lines if line.startswith("Pss:")]
            total += sum(map(int, shares)) * 1024 / 1e6
    return total


def processor_seconds(pid: int) -> float:
    """Processor time of a process so far."""
    return _seconds(_stat(Path(f"/proc/{pid}/stat")))


def processor_seconds_of_group(group: int) -> float:
    """Processor time so far of all processes of a process group that are alive."""
    total = 0.0
    for pid in _group(group):
        with contextlib.suppress(OSError):
            total += processor_seconds(pid)
    return total


def _group(group: int) -> list[int]:
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(_stat(place)[2]) == group:
                found.append(int(place.parent.name))
    return found


def _stat(place: Path) -> list[str]:
    """The fields behind the name of the program, which may hold anything: state, parent, group."""
    return place.read_text("utf-8", "replace").rpartition(")")[2].split()


def _seconds(fields: list[str]) -> float:
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime, stime
