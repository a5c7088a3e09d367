"""What a process uses: memory and processor time. Reads ``/proc``: Linux only."""

import os
from pathlib import Path


def memory_mb(pid: int | None = None) -> float:
    """Resident megabytes (10^6) of a process, this one by default."""
    pages = int(Path(f"/proc/{pid or 'self'}/statm").read_text("utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def processor_seconds(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime, stime
