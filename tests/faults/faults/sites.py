"""The set-ups that faults need."""

import functools
import glob
import os
import pathlib

from belfry_testing.child import Child
from belfry_testing.redis import PrivateRedis
from belfry_testing.sentinel import SentinelGroup
from belfry_testing.site import Site
from belfry_testing.waiting import wait_until

from .federation import RETRIES, FederatedSite

STANZA_LIMIT = 65536
# Events larger than the server takes: for the row with the poison stanza.
SETTINGS = {"http": {"max_body_bytes": 131072}, "delivery": RETRIES}


def plain(kind, logs):
    return Site(kind, logs, SETTINGS, stanza_limit=STANZA_LIMIT)


class ClockSite(Site):
    """
    The wall clocks of serve and of work can be moved, each for itself (libfaketime, which does
    not get along with the allocator of Redis).
    """

    PROGRAMS = ("serve", "work")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        libraries = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
        if not libraries:
            raise SystemExit("libfaketime is not installed: run scripts/setup first")
        for program in self.PROGRAMS:
            self.set_clock(program, 0)
            self.env[program] = {
                "LD_PRELOAD": libraries[0], "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "FAKETIME_TIMESTAMP_FILE": str(self._clock(program))}

    def _clock(self, program):
        return self.dir / f"clock-{program}"

    def set_clock(self, program, offset_s):
        new = self.dir / "clock-new"
        new.write_text(f"{offset_s:+d}\n")
        new.replace(self._clock(program))


class SmallDiskRedis(PrivateRedis):
    """
    On a file system of its own, in memory and small, which goes with it; supervised. Mounting
    it takes no privileges, as only Redis sees it: both have a namespace of their own.
    """

    SIZE_MIB = 32
    SUPERVISOR = """
mount -t tmpfs -o size="$1"m,mode=700 belfry "$2" || exit 1
while :; do
	setpriv --pdeathsig KILL redis-server "$3"
	echo "supervisor: it ended with status $?"
	sleep 0.2
done
"""

    def __init__(self, directory, log):
        super().__init__(directory, log)
        conf = (self.dir / "redis.conf").replace(self.dir.parent / "redis-small.conf")
        self.child = Child("redis", ["unshare", "-rm", "sh", "-c", self.SUPERVISOR, "sh",
                                     self.SIZE_MIB, self.dir, conf], log)
        self._from = 0

    @property
    def ballast(self):
        return pathlib.Path(f"/proc/{self.child.pid}/root{self.dir}/ballast")

    @property
    def ended(self):
        """How often, since the disk was filled."""
        return self.child.log_text(self._from).count("supervisor: it ended")

    def fill_disk(self):
        self._from = self.child.log_size()
        with open(self.ballast, "wb", buffering=0) as f:
            try:
                while f.write(bytes(4096)):
                    pass
            except OSError as e:
                if e.errno != 28:
                    raise

    def free_disk(self):
        os.unlink(self.ballast)


class SmallDiskSite(Site):
    def make_redis(self):
        return SmallDiskRedis(self.dir / "redis", self.logs / "redis.log")


class SentinelSite(Site):
    """A master, two replicas, three Sentinels; a 202 waits for one replica, or for WAIT."""

    def __init__(self, *args, wait=1, **kwargs):
        super().__init__(*args, settings={"redis": {"wait_replicas": wait}}, **kwargs)

    def make_redis(self):
        return SentinelGroup(self.dir / "redis", self.logs / "redis.log")

    def heal(self):
        for server in self.redis.servers:
            server.child.thaw()
            if not server.child.alive():
                server.start()
        wait_until(self.redis.in_step, "the replicas are in step", 60)
        wait_until(self.redis.ready_to_fail_over, "the Sentinels are ready", 60)
        super().heal()


SITES = {"plain": plain, "clock": ClockSite, "small-disk": SmallDiskSite,
         "sentinel": SentinelSite,
         "sentinel-all": functools.partial(SentinelSite, wait=2), "federated": FederatedSite}
