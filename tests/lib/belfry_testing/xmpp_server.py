"""What private Prosody and private ejabberd have in common."""

import pathlib
import re
import socket

from .certificate import make_certificate
from .child import as_user, free_port, give_to


def _exchange(port, first, wanted):
    with socket.create_connection(("127.0.0.1", port), 2) as s:
        s.settimeout(2)
        s.sendall(first.encode())
        got = b""
        while not re.search(wanted, got):
            more = s.recv(4096)
            if not more:
                return False
            got += more
        s.sendall(b"</stream:stream>")
    return True


class XmppServer:
    """
    Accounts at DOMAIN; the components feeds.DOMAIN (Belfry), crowd.DOMAIN (people played
    by the tests, trusted by Belfry) and elsewhere.DOMAIN (the same, not trusted).
    """

    kind = None  # "prosody", "ejabberd"
    user_name = None

    def __init__(self, directory, log, domain="localhost", stanza_limit=None,
                 multicast=None, multicast_limit=None, offline=True):
        self.dir = pathlib.Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.log, self.domain = log, domain
        self.component_domain, self.component_secret = f"feeds.{domain}", "bell-secret"
        self.crowd_domain, self.crowd_secret = f"crowd.{domain}", "crowd-secret"
        self.elsewhere_domain = f"elsewhere.{domain}"
        self.c2s_port, self.component_port = free_port(), free_port()
        self.user = as_user(self.user_name)
        self.cert, self.key = make_certificate(self.dir, domain)
        give_to(self.user, self.dir, self.cert, self.key)
        self.passwords = {}
        # Of what the component may send; by default as Prosody's own.
        self.stanza_limit = stanza_limit or 524288
        # multicast.DOMAIN (XEP-0033), where the server can: True, or the component that
        # alone may use it; and how many receivers it grants.
        self.multicast, self.multicast_limit = multicast or None, multicast_limit
        # Does it keep messages for those who are not there? Else they come back.
        self.offline = offline
        self.child = None
        self.configure()

    def configure(self):
        """Writes the configuration as the attributes now say; taken up at a start."""
        raise NotImplementedError

    def start(self):
        self.child.start().await_ready(self._answers, 60)
        return self

    def _answers(self):
        """A listening port proves nothing: both kinds of stream must open."""
        return _exchange(
            self.c2s_port,
            "<?xml version='1.0'?><stream:stream xmlns='jabber:client' version='1.0' "
            "xmlns:stream='http://etherx.jabber.org/streams' "
            f"to='{self.domain}'>", b"<starttls") and _exchange(
            self.component_port,
            "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' "
            "xmlns:stream='http://etherx.jabber.org/streams' "
            f"to='{self.crowd_domain}'>", b"<stream:stream[^>]+id=")

    def register(self, user, password):
        raise NotImplementedError

    def add_account(self, user, password=None):
        """Its JID; made if it is not there yet."""
        if user not in self.passwords:
            password = password or f"{user}-password"
            self.register(user, password)
            self.passwords[user] = password
        return f"{user}@{self.domain}"

    def stop(self, timeout=10):
        return self.child.stop(timeout)

    def restart(self, kill=False):
        if kill:
            self.child.kill9()
        else:
            self.child.stop()
        self.start()
