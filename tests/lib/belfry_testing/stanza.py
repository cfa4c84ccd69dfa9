"""Reading stanzas that came as XML."""

import xml.etree.ElementTree as ET

NS = {
    "client": "jabber:client",
    "ps": "http://jabber.org/protocol/pubsub",
    "event": "http://jabber.org/protocol/pubsub#event",
    "errors": "http://jabber.org/protocol/pubsub#errors",
    "stanzas": "urn:ietf:params:xml:ns:xmpp-stanzas",
    "info": "http://jabber.org/protocol/disco#info",
    "items": "http://jabber.org/protocol/disco#items",
    "ping": "urn:xmpp:ping",
    "version": "jabber:iq:version",
    "delay": "urn:xmpp:delay",
    "receipts": "urn:xmpp:receipts",
    "sid": "urn:xmpp:sid:0",
    "atom": "http://www.w3.org/2005/Atom",
    "json": "urn:xmpp:json:0",
    "blocking": "urn:xmpp:blocking",
    "rsm": "http://jabber.org/protocol/rsm",
    "data": "jabber:x:data",
    "cmd": "http://jabber.org/protocol/commands",
    "roster": "jabber:iq:roster",
    "caps": "http://jabber.org/protocol/caps",
    "photo": "vcard-temp:x:update",
    "vcard": "vcard-temp",
    "vcard4": "urn:ietf:params:xml:ns:vcard-4.0",
    "avatar": "urn:xmpp:avatar:data",
    "metadata": "urn:xmpp:avatar:metadata",
}


class Stanza:
    """A stanza as it arrived: .kind, .id, .sender, .to, .type, .at, and its XML."""

    def __init__(self, element, at):
        self.element, self.at = element, at
        self.kind = element.tag.rsplit("}", 1)[-1]
        self.id, self.sender = element.get("id"), element.get("from")
        self.to, self.type = element.get("to"), element.get("type")

    def find(self, path):
        return self.element.find(path, NS)

    def findall(self, path):
        return self.element.findall(path, NS)

    def text(self, path):
        found = self.find(path)
        return None if found is None else (found.text or "")

    @property
    def body(self):
        return self.text("client:body")

    @property
    def items(self):
        """The items of a pubsub event, or of the answer to an items request."""
        return self.findall("event:event/event:items/event:item") + self.findall(
            "ps:pubsub/ps:items/ps:item")

    @property
    def json_text(self):
        """The JSON that the event (the first of them) carries, XEP-0335."""
        for element in self.element.iter("{%s}json" % NS["json"]):
            return element.text
        return None

    @property
    def delayed(self):
        return self.find("delay:delay") is not None

    @property
    def is_error(self):
        return self.type == "error"

    @property
    def condition(self):
        """The defined condition of an error stanza."""
        error = self.find("client:error")
        for child in [] if error is None else error:
            if child.tag.startswith("{%s}" % NS["stanzas"]) and not child.tag.endswith(
                    "}text"):
                return child.tag.rsplit("}", 1)[-1]
        return None

    @property
    def pubsub_condition(self):
        error = self.find("client:error")
        for child in [] if error is None else error:
            if child.tag.startswith("{%s}" % NS["errors"]):
                return child.tag.rsplit("}", 1)[-1]
        return None

    @property
    def command_condition(self):
        error = self.find("client:error")
        for child in [] if error is None else error:
            if child.tag.startswith("{%s}" % NS["cmd"]):
                return child.tag.rsplit("}", 1)[-1]
        return None

    @property
    def features(self):
        return {f.get("var") for f in self.findall("info:query/info:feature")}

    @property
    def identities(self):
        return {(i.get("category"), i.get("type"))
                for i in self.findall("info:query/info:identity")}

    def xml(self, pretty=False):
        element = self.element
        for prefix, uri in NS.items():
            ET.register_namespace("" if prefix == "client" else prefix, uri)
        if pretty:
            element = ET.fromstring(ET.tostring(element))
            ET.indent(element)
        return ET.tostring(element, encoding="unicode")

    def __repr__(self):
        return self.xml()
