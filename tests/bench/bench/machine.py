"""The machine, and what processes cost on it."""

import datetime
import os
import pathlib
import platform
import subprocess

TICK = os.sysconf("SC_CLK_TCK")

# Whose versions belong to a figure, by Debian package.
VERSIONS = ("redis-server", "prosody", "ejabberd", "libmicrohttpd12", "libmicrohttpd12t64",
            "libstrophe0", "libhiredis0.14", "libhiredis1.1.0", "libjansson4")


def describe(packages=()):
    cpu = next((line.split(":", 1)[1].strip()
                for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.machine())
    release = dict(line.rstrip().replace('"', "").split("=", 1)
                   for line in open("/etc/os-release") if "=" in line)
    return {"date": datetime.date.today().isoformat(), "cpu": cpu,
            "cores": os.cpu_count(), "kernel": platform.release(),
            "system": release.get("PRETTY_NAME", "?"),
            "versions": package_versions([*VERSIONS, *packages])}


def package_versions(names):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *names],
                          capture_output=True, text=True)
    return dict(line.split(" ", 1) for line in done.stdout.splitlines()
                if len(line.split()) == 2)


def _stat(pid):
    """(parent, ticks of its own, ticks of its ended children)."""
    text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    fields = text.rsplit(")", 1)[1].split()
    return int(fields[1]), int(fields[11]) + int(fields[12]), \
        int(fields[13]) + int(fields[14])


def tree(pid):
    """PID and all that descend from it."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parents[int(entry)] = _stat(entry)[0]
            except (FileNotFoundError, ProcessLookupError):
                pass
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def _sched_ns(pid):
    """
    Nanoseconds on a CPU, of all its threads. Finer than the ticks of /proc/PID/stat,
    which a process that sleeps between ticks can dodge.
    """
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            total += int(pathlib.Path(
                f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total


class CpuClock:
    """CPU seconds of processes and of all that descend from them, since its making."""

    def __init__(self, *pids):
        self.pids = pids
        self.before = self._now()

    def _now(self):
        seconds = 0.0
        for pid in self.pids:
            for one in tree(pid):
                try:
                    seconds += _sched_ns(one) / 1e9 + _stat(one)[2] / TICK
                except (FileNotFoundError, ProcessLookupError):
                    pass
        return seconds

    def seconds(self):
        return self._now() - self.before


def memory_kib(pid, key="VmRSS"):
    """Of a process now; VmHWM: the most it ever had."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    return 0


def switches(pid):
    """How often it was put on a CPU because it had something to do."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("voluntary_ctxt_switches:"):
            return int(line.split()[1])
    return 0
