"""A real XMPP client (slixmpp, over STARTTLS) that tests can use without asyncio."""

import asyncio
import inspect
import itertools
import logging
import threading
import time
from xml.sax.saxutils import escape, quoteattr

from .stanza import NS, Stanza
from .waiting import PATIENCE, Timeout

logging.getLogger("slixmpp").setLevel(logging.CRITICAL)
import slixmpp  # noqa: E402: it logs while it is imported


class _Loop:
    """The one event loop of all clients, in a thread of its own."""

    def __init__(self):
        self.loop = None

    def get(self):
        if self.loop is None:
            self.loop = asyncio.new_event_loop()
            self.loop.set_exception_handler(self._trouble)
            threading.Thread(target=self._run, daemon=True).start()
        return self.loop

    @staticmethod
    def _trouble(loop, context):
        # slixmpp leaves tasks of its own behind when a stream has ended.
        if "was destroyed" not in context.get("message", ""):
            loop.default_exception_handler(context)

    def _run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def call(self, function, timeout=20):
        async def run():
            result = function()
            return await result if inspect.isawaitable(result) else result
        return asyncio.run_coroutine_threadsafe(run(), self.get()).result(timeout)


_loop = _Loop()
_numbers = itertools.count(1)


class Client:
    """Logged in as JID. What arrives is kept in .received, in order."""

    def __init__(self, jid, password, port, certificate, host="127.0.0.1",
                 resource="test", presence=True):
        self.jid, self.full_jid = jid, f"{jid}/{resource}"
        self.domain = jid.split("@")[1]
        self.password, self.address = password, (host, port)
        self.certificate, self.presence = str(certificate), presence
        self.received = []
        self._news = threading.Condition()
        self._state = None
        self.xmpp = None

    # ---- life ----

    def login(self, timeout=20):
        self._state = None
        _loop.call(self._connect)
        with self._news:
            self._news.wait_for(lambda: self._state, timeout * PATIENCE)
        if self._state != "up":
            raise Timeout(f"{self.full_jid} could not log in: {self._state}")
        return self

    def _connect(self):
        x = self.xmpp = slixmpp.ClientXMPP(self.full_jid, self.password)
        x.loop = asyncio.get_event_loop()
        x.ca_certs = self.certificate
        # Whom to show oneself to is the test's to say.
        x.auto_authorize, x.auto_subscribe = None, False
        x.add_filter("in", self._arrived)
        x.add_event_handler("session_start", lambda _e: self._session(x))
        x.add_event_handler("disconnected", lambda _e: self._ended(x))
        x.add_event_handler("failed_all_auth", lambda _e: self._became("refused"))
        host, port = self.address
        # slixmpp 1.10 takes host and port, earlier ones a pair.
        if "address" in inspect.signature(x.connect).parameters:
            x.connect(address=self.address)
        else:
            x.connect(host, port)

    def _session(self, x):
        assert x.transport.get_extra_info("ssl_object") is not None, "no STARTTLS"
        if self.presence:
            x.send_raw("<presence/>")
        self._became("up")

    def _ended(self, x):
        if x is self.xmpp:
            self._became("down")

    def _became(self, state):
        with self._news:
            self._state = state
            self._news.notify_all()

    def logout(self):
        x, self.xmpp = self.xmpp, None
        if x is None:
            return

        async def leave():
            x.send_raw("<presence type='unavailable'/></stream:stream>"
                       if not x.transport else "<presence type='unavailable'/>")
            done = x.disconnect(wait=1.0)
            if done is not None:
                try:
                    await asyncio.wait_for(asyncio.shield(done), 5)
                except asyncio.TimeoutError:
                    x.abort()
        try:
            _loop.call(leave, timeout=15)
        except Exception:  # noqa: BLE001: the server may be gone already
            pass

    def connected(self):
        return self._state == "up"

    def abort(self):
        """Without a farewell, as when a network goes."""
        x = self.xmpp

        def leave():
            x.cancel_connection_attempt()
            x.abort()
        if x is not None:
            _loop.call(leave)

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.logout()

    # ---- what arrives ----

    def _arrived(self, stanza):
        with self._news:
            self.received.append(Stanza(stanza.xml, time.monotonic()))
            self._news.notify_all()
        return stanza

    def wait_for(self, predicate, timeout=15, since=0, what=None):
        """The first stanza for which predicate(stanza) holds, from index SINCE on."""
        index = since

        def look():
            nonlocal index
            while index < len(self.received):
                if predicate(self.received[index]):
                    return self.received[index]
                index += 1
            return None
        with self._news:
            found = self._news.wait_for(look, timeout * PATIENCE)
        if found is None:
            raise Timeout(f"{self.full_jid} did not get {what or 'what it waited for'}; "
                          f"it got {self.received[since:][-10:]}")
        return found

    def wait_count(self, count, predicate, timeout=30, what=None):
        """All stanzas for which predicate holds, once there are COUNT."""
        def found():
            return [s for s in self.received if predicate(s)]
        with self._news:
            if not self._news.wait_for(lambda: len(found()) >= count, timeout * PATIENCE):
                raise Timeout(f"{self.full_jid} got {len(found())} of {count} "
                              f"{what or 'stanzas'}")
        return found()

    def all(self, predicate):
        with self._news:
            return [s for s in self.received if predicate(s)]

    def mark(self):
        """An index for wait_for(since=...): only what comes from now on."""
        return len(self.received)

    # ---- what is sent ----

    def send(self, xml):
        _loop.call(lambda: self.xmpp.send_raw(xml))

    def chat(self, to, body, type="chat", extra=""):
        self.send(f"<message to={quoteattr(to)} type='{type}' id='m{next(_numbers)}'>"
                  f"<body>{escape(body)}</body>{extra}</message>")

    def ask(self, to, body, timeout=15):
        """The next chat from TO after saying BODY to it."""
        since = self.mark()
        self.chat(to, body)
        return self.wait_for(
            lambda s: s.kind == "message" and s.body is not None
            and (s.sender or "").split("/")[0] == to, timeout, since,
            f"an answer from {to} to {body!r}")

    def iq(self, to, payload, type="get", timeout=15):
        """The answer to an IQ, result or error."""
        since, number = self.mark(), f"iq{next(_numbers)}"
        self.send(f"<iq to={quoteattr(to)} type='{type}' id='{number}'>{payload}</iq>")
        return self.wait_for(
            lambda s: s.kind == "iq" and s.id == number and s.type in ("result", "error"),
            timeout, since, f"an answer to {payload}")

    def disco_info(self, to, node=None):
        return self._query(to, "info", node)

    def disco_items(self, to, node=None):
        return self._query(to, "items", node)

    def _query(self, to, kind, node):
        of = f" node={quoteattr(node)}" if node is not None else ""
        return self.iq(to, f"<query xmlns='{NS[kind]}'{of}/>")

    def nodes(self, service):
        """(jid, node, name) of all that SERVICE lists, page by page (XEP-0059)."""
        nodes, after = [], ""
        while True:
            page = self.iq(service, f"<query xmlns='{NS['items']}'><set xmlns='{NS['rsm']}'>"
                                    f"<after>{escape(after)}</after></set></query>")
            assert page.type == "result", page
            nodes += [(i.get("jid"), i.get("node"), i.get("name"))
                      for i in page.findall("items:query/items:item")]
            after = page.text("items:query/rsm:set/rsm:last")
            if after is None:
                return nodes

    def pubsub(self, service, payload, type="set"):
        return self.iq(service, f"<pubsub xmlns='{NS['ps']}'>{payload}</pubsub>", type)

    def subscribe(self, service, node, jid=None):
        return self.pubsub(service, f"<subscribe node={quoteattr(node)} "
                                    f"jid={quoteattr(jid or self.jid)}/>")

    def unsubscribe(self, service, node, jid=None):
        return self.pubsub(service, f"<unsubscribe node={quoteattr(node)} "
                                    f"jid={quoteattr(jid or self.jid)}/>")

    def items(self, service, node, inner="", attributes=""):
        return self.pubsub(service, f"<items node={quoteattr(node)} {attributes}>{inner}"
                                    "</items>", "get")

    # ---- the contact list ----

    def roster(self):
        """{JID: subscription} of all contacts. Servers tell of changes from then on."""
        answer = self.iq(self.jid, f"<query xmlns='{NS['roster']}'/>")
        assert answer.type == "result", answer
        return {i.get("jid"): i.get("subscription")
                for i in answer.findall("roster:query/roster:item")}

    def add_contact(self, jid):
        """As a client does it; the answer comes later."""
        self._change_contact(jid, "")
        self.send(f"<presence to={quoteattr(jid)} type='subscribe'/>")

    def remove_contact(self, jid):
        self._change_contact(jid, " subscription='remove'")

    def say_presence(self, jid, type):
        self.send(f"<presence to={quoteattr(jid)} type='{type}'/>")

    def block(self, jid):
        """XEP-0191"""
        answer = self.iq(self.jid, f"<block xmlns='{NS['blocking']}'>"
                                   f"<item jid={quoteattr(jid)}/></block>", "set")
        assert answer.type == "result", answer

    def unblock(self, jid):
        answer = self.iq(self.jid, f"<unblock xmlns='{NS['blocking']}'>"
                                   f"<item jid={quoteattr(jid)}/></unblock>", "set")
        assert answer.type == "result", answer

    def _change_contact(self, jid, attributes):
        answer = self.iq(self.jid, f"<query xmlns='{NS['roster']}'><item "
                                   f"jid={quoteattr(jid)}{attributes}/></query>", "set")
        assert answer.type == "result", answer

    # ---- forms in messages (XEP-0004) ----

    def submit(self, message, to=None, **values):
        """
        Sends the form of MESSAGE back, as it came but for VALUES, of which '__' stands for
        '#'; TO: not to where it came from.
        """
        fields = {f.get("var"): f.findtext("data:value", "", NS)
                  for f in message.findall("data:x/data:field")}
        for name, value in values.items():
            assert name.replace("__", "#") in fields, fields
            fields[name.replace("__", "#")] = value
        inner = "".join(f"<field var={quoteattr(k)}><value>{escape(v)}</value></field>"
                        for k, v in fields.items())
        self.send(f"<message to={quoteattr(to or message.sender)} id={quoteattr(message.id)}>"
                  f"<x xmlns='{NS['data']}' type='submit'>{inner}</x></message>")

    # ---- commands, as slixmpp's own XEP-0050 and XEP-0004 understand them ----

    def commands(self, to):
        """{node: name} of the commands of TO."""
        async def run():
            self.xmpp.register_plugin("xep_0050")
            got = await self.xmpp["xep_0050"].get_commands(to)
            return {node: name for jid, node, name in got["disco_items"]["items"]
                    if str(jid) == to}
        return _loop.call(run)

    def command(self, to, node, cancel=False, **fields):
        """Runs a command, its form filled in with FIELDS where one comes."""
        async def run():
            self.xmpp.register_plugin("xep_0050")
            adhoc = self.xmpp["xep_0050"]
            done, said = asyncio.get_event_loop().create_future(), CommandAnswer()

            def ended(iq, session):
                said.read(iq)
                # An error without a session would be taken for the next one's, too.
                adhoc.sessions.pop("client:", None)
                done.set_result(said)

            def came(iq, session):
                if iq["command"]["status"] != "executing":
                    ended(iq, session)
                    return
                said.offer(iq)
                assert iq["command"]["actions"] == {"complete"}, iq
                session["next"] = ended
                form = self.xmpp["xep_0004"].make_form(ftype="submit")
                for var, value in fields.items():
                    assert var in said.offered, (var, said.offered)
                    form.add_field(var=var, value=value, ftype=said.offered[var].type)
                session["payload"] = None if cancel else form
                (adhoc.cancel_command if cancel else adhoc.complete_command)(session)
            adhoc.start_command(to, node, {"next": came, "error": ended})
            return await asyncio.wait_for(done, 15 * PATIENCE)
        return _loop.call(run, timeout=20 * PATIENCE)

    def options_form(self, service, node, jid=None):
        """The values of the options of a subscription (XEP-0060 6.3)."""
        async def run():
            self.xmpp.register_plugin("xep_0060")
            got = await self.xmpp["xep_0060"].get_subscription_options(
                service, node, jid or self.jid)
            return got["pubsub"]["options"]["options"].get_values()
        return _loop.call(run)

    def subscriptions(self, service):
        """(node, jid, state) of one's own subscriptions (XEP-0060 5.6)."""
        async def run():
            self.xmpp.register_plugin("xep_0060")
            got = await self.xmpp["xep_0060"].get_subscriptions(service)
            return [(s["node"], str(s["jid"]), s["subscription"])
                    for s in got["pubsub"]["subscriptions"]]
        return _loop.call(run)

    def sync(self):
        """Everything that our server had for us before this has arrived."""
        self.iq(self.domain, f"<ping xmlns='{NS['ping']}'/>")


class Field:
    """A field of a form, as it was offered."""

    def __init__(self, field):
        self.type, self.label = field["type"], field["label"]
        self.required, self.value = field["required"], field["value"]
        self.options = [o["value"] for o in field["options"]]


class CommandAnswer:
    """What a command offered (.offered: fields by name) and what it said at last:
    .status, .note and .note_type, .rows of a table, .values of a form; or .error, its two
    conditions."""

    def __init__(self):
        self.offered, self.error = {}, None
        self.status = self.note = self.note_type = None
        self.rows, self.values = [], {}

    def offer(self, iq):
        self.offered = {var: Field(field)
                        for var, field in iq["command"]["form"].get_fields().items()}

    def read(self, iq):
        stanza = Stanza(iq.xml, time.monotonic())
        if stanza.is_error:
            self.error = (stanza.condition, stanza.command_condition)
            self.note = iq["error"]["text"]
            return
        command = iq["command"]
        self.status = command["status"]
        for self.note_type, self.note in command["notes"]:
            pass
        if stanza.find("cmd:command/data:x") is not None:
            form = command["form"]
            assert form["type"] == "result", iq
            columns = set(form.get_reported())
            self.rows = form.get_items()
            assert all(set(row) == columns for row in self.rows), iq
            self.values = form.get_values()

    def __repr__(self):
        return repr(vars(self))


def is_event(feed=None, item=None):
    """A pubsub event notification, of FEED, with ITEM."""
    def test(s):
        if s.kind != "message" or s.is_error:
            return False
        box = s.find("event:event/event:items")
        return box is not None and (feed is None or box.get("node") == feed) and (
            item is None or any(i.get("id") == item for i in s.items))
    return test


def is_chat(text=None, sender=None):
    """A message with a body that holds TEXT, from the bare JID SENDER."""
    def test(s):
        return s.kind == "message" and not s.is_error and s.body is not None and (
            text is None or text in s.body) and (
            sender is None or (s.sender or "").split("/")[0] == sender)
    return test


def is_state(feed, state):
    """A pubsub notification that the subscription to FEED is now STATE (XEP-0060 12.11)."""
    def test(s):
        told = None if s.kind != "message" else s.find("event:event/event:subscription")
        return told is not None and (told.get("node"), told.get("subscription")) == (
            feed, state)
    return test


def is_presence(sender, type=None, show=None, status=None):
    """Presence of TYPE (None: available) from the bare JID SENDER."""
    def test(s):
        return (s.kind == "presence" and s.type == type
                and (s.sender or "").split("/")[0] == sender
                and (show is None or s.text("client:show") == show)
                and (status is None or s.text("client:status") == status))
    return test
