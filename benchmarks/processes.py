"""What the kernel says about processes: CPU time and memory, from /proc."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/<pid>/stat from the third (state) on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def machine_cpu_seconds() -> float:
    """Return the time that all cores together have been busy, with whatever."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    idle, waiting_for_disk = fields[3:5]
    return (sum(fields) - idle - waiting_for_disk) / _TICKS


def cpu_seconds(pid: int) -> float:
    """Return the user and system time that a process has used, over all its threads."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / _TICKS


def family_cpu_seconds(pid: int) -> float:
    """Return the same for a process and all its descendants, those that have ended included."""
    parents: dict[int, list[int]] = {}
    times: dict[int, int] = {}
    ended: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = _stat(int(entry.name))
        except OSError:
            continue  # it ended while we looked
        one = int(entry.name)
        parents.setdefault(int(fields[1]), []).append(one)
        times[one] = int(fields[11]) + int(fields[12])
        ended[one] = int(fields[13]) + int(fields[14])
    total, todo = 0, [pid]
    while todo:
        one = todo.pop()
        total += times.get(one, 0) + ended.get(one, 0)
        todo += parents.get(one, [])
    return total / _TICKS


def resident_bytes(pid: int) -> int:
    """Return the memory of a process that is in RAM (VmRSS)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise LookupError(f"process {pid} has no memory any more")
