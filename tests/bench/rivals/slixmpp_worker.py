#!/usr/bin/python3 -B
"""
What one writes with slixmpp: a component that takes events from a list of Redis and sends
each to all members of a set. No acknowledgement, no flow control, no retry.

    slixmpp_worker.py CONFIG.json
"""

import asyncio
import datetime
import json
import sys
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

import redis.asyncio
from slixmpp import ComponentXMPP

config = json.load(open(sys.argv[1]))


def atom(event):
    """The Atom entry in a pubsub notification."""
    at = datetime.datetime.now(datetime.timezone.utc).isoformat(
        timespec="milliseconds").replace("+00:00", "Z")
    tags = "".join(f"<category term={quoteattr(t)}/>" for t in event["tags"])
    document = json.dumps(event, separators=(",", ":"))
    return ET.fromstring(
        "<event xmlns='http://jabber.org/protocol/pubsub#event'>"
        f"<items node='{config['feed']}'><item id='01a202d8-9c8a-7000-8000-0123456789ab'>"
        "<entry xmlns='http://www.w3.org/2005/Atom'>"
        "<id>urn:uuid:01a202d8-9c8a-7000-8000-0123456789ab</id>"
        f"<title>{escape(event['title'])}</title><updated>{at}</updated>"
        f"<published>{at}</published><author><name>{config['feed']}</name></author>"
        f"<link rel='alternate' href={quoteattr(event['url'])}/>{tags}"
        f"<content type='text'>{escape(event['body'])}</content>"
        f"<json xmlns='urn:xmpp:json:0'>{escape(document)}</json>"
        "</entry></item></items></event>")


class Worker(ComponentXMPP):
    def __init__(self):
        super().__init__(config["domain"], config["secret"], "127.0.0.1", config["port"])
        self.number = 0
        self.add_event_handler("session_start", lambda _: asyncio.ensure_future(self.work()))

    async def work(self):
        store = redis.asyncio.Redis(port=config["redis_port"])
        print("ready", flush=True)
        while True:
            _, text = await store.blpop(config["list"])
            event = json.loads(text)
            self.number += 1
            members = await store.smembers(config["set"])
            if config["format"] == "chat":
                self.send_chat(event, members)
            else:
                self.send_atom(event, members)

    def origin(self):
        return ET.Element("{urn:xmpp:sid:0}origin-id",
                          id=f"{config['feed']}~1-{self.number}")

    def send_atom(self, event, members):
        payload, origin = atom(event), self.origin()
        for member in members:
            message = self.Message()
            message["to"], message["from"] = member.decode(), config["domain"]
            message["id"] = f"{config['feed']}~1-{self.number}"
            message.append(payload)
            message.append(origin)
            message.send()

    def send_chat(self, event, members):
        text = "\n".join((event["title"], event["body"], event["url"]))
        for member in members:
            message = self.make_message(
                mto=member.decode(), mfrom=f"{config['feed']}@{config['domain']}",
                mbody=text, mtype="chat")
            message["id"] = f"{config['feed']}~1-{self.number}"
            message.append(self.origin())
            message.send()


loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
worker = Worker()
worker.connect()
loop.run_forever()
