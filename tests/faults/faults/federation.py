"""
Two XMPP servers that federate on loopback addresses. Their domains are those addresses, so
that no name server is needed: the hub's component is FIRST, and the people of the other
server, played by a component there, are at OTHER.
"""

import itertools
import os

from belfry_testing.ejabberd import CONFIG as EJABBERD, Ejabberd
from belfry_testing.prosody import CONFIG as PROSODY, Prosody
from belfry_testing.site import Site

# What comes back is tried again soon, so that a run need not wait for it.
RETRIES = {"retry_first_ms": 500, "retry_max_ms": 2000}

_numbers = itertools.count(1)


def address():
    """One of our own on loopback: the port of s2s is always the same."""
    number = (os.getpid() * 64 + next(_numbers)) % (250 * 250)
    return f"127.{64 + os.getpid() % 64}.{1 + number // 250}.{1 + number % 250}"


def changed(text, *changes):
    for old, new in changes:
        if old not in text:
            raise SystemExit(f"faults: the servers' configuration has no {old.strip()!r}")
        text = text.replace(old, new)
    return text


class FederatedProsody(Prosody):
    template = changed(
        PROSODY,
        ("s2s_ports = {{}}", 's2s_ports = {{ 5269 }}\ns2s_interfaces = {{ {listens} }}\n'
         "s2s_require_encryption = false\ns2s_secure_auth = false"),
        ('\t"carbons", "smacks",', '\t"carbons", "smacks", "dialback",'),
        ('modules_disabled = {{ "s2s"{no_offline} }}\n', ""),
        ('\tcomponent_conflict_resolve = "kick_old"\n\tmodules_disabled = {{ "s2s" }}\n',
         '\tcomponent_conflict_resolve = "kick_old"\n\tmodules_enabled = {{ "dialback" }}\n'),
        ('Component "{crowd_domain}"\n\tcomponent_secret = "{crowd_secret}"\n'
         '\tmodules_disabled = {{ "s2s" }}\n',
         'Component "{crowd_domain}"\n\tcomponent_secret = "{crowd_secret}"\n'
         '\tmodules_enabled = {{ "dialback" }}\n'))

    def configure(self):
        self.listens = ", ".join(f'"{a}"' for a in self.addresses)
        super().configure()


class FederatedEjabberd(Ejabberd):
    template = changed(
        EJABBERD,
        ("api_permissions:", "{listens}\napi_permissions:"),
        # It may leave a server that was away alone for 300 s else.
        ("modules:\n", "s2s_use_starttls: false\ns2s_max_retry_delay: 2\n\n"
         "modules:\n  mod_s2s_dialback: {{}}\n"))

    def configure(self):
        self.listens = "".join(
            f'  - port: 5269\n    ip: "{a}"\n    module: ejabberd_s2s_in\n'
            for a in self.addresses)
        super().configure()


KINDS = {"prosody": FederatedProsody, "ejabberd": FederatedEjabberd}


def federated(kind, **given):
    """A class of its own, as a server writes its configuration while it is made."""
    base = KINDS[kind]

    class Federated(base):
        def configure(self):
            vars(self).update(given)
            super().configure()
    return Federated


class FederatedSite(Site):
    """The hub at one server, its followers at another one of the other kind: .remote."""

    def __init__(self, *args, **kwargs):
        self.first, self.other, self.remote = address(), address(), None
        super().__init__(*args, settings={"delivery": RETRIES, "xmpp": {
            "trusted_domains": f"localhost crowd.localhost {self.other}"}}, **kwargs)

    def make_server(self):
        other = "ejabberd" if self.kind == "prosody" else "prosody"
        self.remote = federated(other, addresses=[self.other], crowd_domain=self.other)(
            self.dir / "remote", self.logs / "remote.log", domain="remote.localhost").start()
        return federated(self.kind, addresses=[self.first], component_domain=self.first)(
            self.dir / self.kind, self.logs / f"{self.kind}.log", **self.server_options)

    def stop(self):
        remote, self.remote = self.remote, None
        if remote is not None:
            remote.stop()
        super().stop()

    def heal(self):
        self.remote.child.thaw()
        if not self.remote.child.alive():
            self.remote.start()
        super().heal()
