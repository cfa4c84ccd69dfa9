"""One run of one part."""

import pathlib
import shutil
import sys
import tempfile
import time

from .figures import Figures
from .machine import describe


class Bench:
    """
    part: its name. count: how many rounds. quick: only to see that it works; sizes and
    times are small then and the figures worthless. rivals: whether those that need
    packages of their own take part. dir: scratch, goes with it. programs: where the
    compiled ones are. npm(): the folder whose node_modules has the part's NPM packages.
    """

    def __init__(self, part, count, quick, rivals, programs, packages=(), npm=None):
        self.part, self.count, self.quick = part, count, quick
        self.rivals, self.npm = rivals, npm
        self.programs = pathlib.Path(programs)
        self.figures = Figures(part, describe(packages))
        self.figures.about.update(rounds=count, quick=quick)
        self.began = time.monotonic()
        # To be walked through: servers run as users of their own.
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="belfry-bench-"))
        self.dir.chmod(0o711)

    def close(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def say(self, text):
        print(f"[{time.monotonic() - self.began:6.1f} s] {self.part}: {text}",
              file=sys.stderr, flush=True)

    def program(self, name):
        path = self.programs / name
        if not path.exists():
            raise SystemExit(f"{path} is not there: run make bench-programs first")
        return str(path)

    def scale(self, full, quick):
        """A size or time: FULL in a real run, QUICK where it is only to be seen working."""
        return quick if self.quick else full

    def ok_means(self, rival, text):
        """What has happened when RIVAL says that it has done it."""
        self.figures.oks[rival] = text

    def leave_out(self, rival, why):
        self.say(f"without {rival}: {why}")
        self.figures.left_out[rival] = why

    def note(self, text):
        """A sentence below the table."""
        if text not in self.figures.notes:
            self.figures.notes.append(text)

    def record(self, case, rival, values):
        self.figures.add(case, rival, values)
        shown = ", ".join(f"{k} {v:,.4g}" for k, v in values.items())
        self.say(f"{case} | {rival}: {shown}")

    def rounds(self, case, contestants, times=1):
        """
        Every contestant once a round, each round beginning with another one, so that
        what changes on the machine meanwhile meets all of them. CONTESTANTS: {rival: a
        function that measures once and gives {metric: value}}. TIMES: so many rounds for
        one of the others, where one measurement says little.
        """
        names = list(contestants)
        for number in range(self.count * times):
            turn = number % len(names)
            for rival in names[turn:] + names[:turn]:
                self.record(case, rival, contestants[rival]())
        # The order of the report is theirs, not the last round's.
        rows = self.figures.rows[case]
        for name in names:
            rows[name] = rows.pop(name)
