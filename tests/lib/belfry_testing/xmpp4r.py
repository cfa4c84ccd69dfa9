"""A client made with Ruby's xmpp4r, which knows no SASL but PLAIN and DIGEST-MD5."""

import json
import pathlib
import subprocess
import threading

from .certificate import trust
from .waiting import PATIENCE, Timeout

PROGRAM = pathlib.Path(__file__).resolve().parents[1] / "xmpp4r_client.rb"


class Xmpp4r:
    """USER's, logged in. What it tells is in .told: dictionaries."""

    def __init__(self, site, user):
        self.jid = site.server.add_account(user)
        self.told, self._news = [], threading.Condition()
        directory = site.dir / f"xmpp4r-{user}"
        directory.mkdir()
        trust(directory, site.server.cert)
        self._errors = open(directory / "errors", "w+")
        argv = ["setpriv", "--pdeathsig", "KILL", "ruby", str(PROGRAM),
                str(site.server.c2s_port), str(directory), self.jid]
        self.proc = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=self._errors, text=True, bufsize=1)
        site.clients.append(self)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._write(site.server.passwords[user])
        assert self.wait_for(kind="up")["tls"]

    def _read(self):
        for line in self.proc.stdout:
            with self._news:
                self.told.append(json.loads(line))
                self._news.notify_all()

    def _write(self, line):
        self.proc.stdin.write(line + "\n")

    def do(self, command, jid, text=""):
        """"add", "remove", "say"; the index in .told from which on its outcome is."""
        since = len(self.told)
        self._write(f"{command} {jid} {text}")
        return since

    def wait_for(self, since=0, text="", **members):
        """The first from index SINCE on with these MEMBERS, and TEXT in its body."""
        def look():
            for it in self.told[since:]:
                if all(it.get(k) == v for k, v in members.items()) and (
                        text in (it.get("body") or "")):
                    return it
            return None
        with self._news:
            found = self._news.wait_for(look, 20 * PATIENCE)
        if found is None:
            self._errors.seek(0)
            raise Timeout(f"{self.jid} did not get {members} {text!r}: "
                          f"{self.told[since:]}\n{self._errors.read()[-2000:]}")
        return found

    def logout(self):
        try:
            self.proc.stdin.close()
            self.proc.wait(5 * PATIENCE)
        except (OSError, subprocess.TimeoutExpired):
            self.proc.kill()
            self.proc.wait()
        self._reader.join()
        self.proc.stdout.close()
        self._errors.close()
