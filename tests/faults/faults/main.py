"""Runs the rows, keeps what came of them, writes the table."""

import importlib
import json
import os
import pathlib
import random
import shutil
import sys
import time
import traceback

from bench.machine import describe
from belfry_testing import child

from . import table
from .row import ROWS, verdict
from .scene import Scene
from .sites import SITES

PROJECT = pathlib.Path(__file__).resolve().parents[3]
BUILD = PROJECT / os.environ.get("BUILD", "build")
DOCS = PROJECT / "docs"
SERVERS = ("prosody", "ejabberd")
PEOPLE = 6  # at most, in any row


def words(name):
    return os.environ.get(name, "").replace(",", " ").split()


def chosen(name, known):
    only = words(name)
    unknown = [word for word in only if word not in known]
    if unknown:
        raise SystemExit(f"faults: {name} knows no {', '.join(unknown)}; there are: "
                         f"{', '.join(known)}")
    return only or list(known)


class Saved:
    """docs/reliability/faults.json: {row: {server: {about, runs}}}."""

    def __init__(self, docs):
        self.path = docs / "reliability" / "faults.json"
        self.load()

    def load(self):
        self.rows = json.loads(self.path.read_text()) if self.path.exists() else {}

    def put(self, row, server, about, runs):
        self.load()
        self.rows.setdefault(row, {})[server] = {"about": about, "runs": runs}
        known = [name for name in ROWS if name in self.rows]
        self.rows = {name: dict(sorted(self.rows[name].items(), reverse=True))
                     for name in known}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(self._text())

    def _text(self):
        """One run a line."""
        rows = []
        for name, servers in self.rows.items():
            parts = []
            for server, it in servers.items():
                runs = ",\n".join("   " + json.dumps(run) for run in it["runs"])
                parts.append(f'  "{server}": {{"about": {json.dumps(it["about"])},\n'
                             f'   "runs": [\n{runs}]}}')
            rows.append(f' "{name}": {{\n' + ",\n".join(parts) + "}")
        return "{\n" + ",\n".join(rows) + "}\n"


class Runner:
    """Sites are kept from run to run, as long as they are well."""

    def __init__(self, seed, quick):
        self.seed, self.quick, self.began = seed, quick, time.monotonic()
        self.site = self.key = None
        self.logs = BUILD / "faults" / "logs"
        shutil.rmtree(self.logs, ignore_errors=True)

    def say(self, text):
        print(f"[{time.monotonic() - self.began:6.1f} s] {text}", file=sys.stderr, flush=True)

    def close(self):
        site, self.site, self.key = self.site, None, None
        if site is not None:
            site.stop()

    def get_site(self, row, server):
        if self.key != (row.site, server):
            self.close()
            self.site = SITES[row.site](server, self.logs / f"{server}-{row.site}")
            self.key = (row.site, server)
            self.site.start()
            for number in range(PEOPLE):
                self.site.server.add_account(f"person{number}")
            # ejabberd writes accounts down when it likes: a kill -9 shall not take them.
            self.site.server.restart()
        return self.site

    def times(self, row):
        return int(os.environ.get("TIMES", 1 if self.quick else row.times))

    def run(self, row, server):
        """The runs of a row on SERVER."""
        runs = []
        for number in range(self.times(row)):
            seed = f"{self.seed}.{row.name}.{server}.{number}"
            run = self.once(row, server, seed)
            runs.append(run)
            missed = "".join(f" | missed: {what}" for what in verdict(row, run))
            self.say(f"{row.name} | {server} | {table.brief(run)}{missed}")
        return runs

    def once(self, row, server, seed):
        try:
            site = self.get_site(row, server)
            scene = Scene(site, row, seed, rate=20 if self.quick else None,
                          many=10 if self.quick else None)
            return scene.run()
        except Exception as e:  # noqa: BLE001: a run that failed is a result, too
            kept = self.logs / f"failed-{row.name}-{server}"
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(traceback.format_exc() +
                            (self.site.logs_tail(200) if self.site else ""))
            self.say(f"{row.name} | {server} failed, see {kept}")
            self.close()
            return {"seed": seed, "error": f"{type(e).__name__}: {e}".splitlines()[0][:200]}


def measure(docs):
    names, servers = chosen("FAULTS", ROWS), chosen("SERVER", SERVERS)
    quick = bool(os.environ.get("QUICK"))
    seed = int(os.environ.get("SEED") or random.randrange(10 ** 6))
    print(f"faults: SEED={seed}", flush=True)
    saved, runner = Saved(docs), Runner(seed, quick)
    about = {**describe(), "seed": seed, "quick": quick}
    wanted = [(server, ROWS[name]) for server in servers for name in names
              if server in ROWS[name].servers]
    # Sites of one kind one after the other.
    kinds = list(SITES)
    try:
        for server, row in sorted(wanted, key=lambda w: (servers.index(w[0]),
                                                         kinds.index(w[1].site))):
            saved.put(row.name, server, about, runner.run(row, server))
            write(docs, saved)
    finally:
        runner.close()
        child.stop_all()
    print(table.terminal(saved.rows, names, servers))
    print(f"faults: the table is in {docs / 'reliability.md'}")
    missed = [name for name in names for server in servers
              for run in saved.rows.get(name, {}).get(server, {}).get("runs", [])
              if "error" in run]
    return 1 if missed else 0


def write(docs, saved):
    page = docs / "reliability.md"
    page.write_text(table.put(page.read_text(), table.markdown(saved.rows)))


def copy_docs():
    """Where a quick run may write: its figures are no one's business."""
    docs = BUILD / "faults" / "docs"
    shutil.rmtree(docs, ignore_errors=True)
    docs.mkdir(parents=True)
    shutil.copy(DOCS / "reliability.md", docs)
    return docs


def main(arguments, usage):
    command = arguments[0] if arguments else "measure"
    if command not in ("measure", "render", "check") or len(arguments) > 1:
        print(usage.strip(), file=sys.stderr)
        return 2
    importlib.import_module("rows")
    os.environ.setdefault("BELFRY", str(BUILD / "belfry"))
    child.exit_on_signals()
    if command == "measure":
        return measure(copy_docs() if os.environ.get("QUICK") else DOCS)
    page, saved = DOCS / "reliability.md", Saved(DOCS)
    if command == "render":
        write(DOCS, saved)
    elif table.put(page.read_text(), table.markdown(saved.rows)) != page.read_text():
        print(f"faults: the table of {page.name} is not that of the saved runs: run "
              "tests/faults/run render", file=sys.stderr)
        return 1
    return 0
