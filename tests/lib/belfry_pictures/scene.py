"""What the pictures show: an XMPP server for browsers too, a feed, and its events."""

import pathlib

from belfry_testing import site
from belfry_testing.child import free_port
from belfry_testing.client import is_presence
from belfry_testing.prosody import CONFIG, Prosody

DOMAIN = "example.org"
FEED, TITLE = "deploys", "Deploys"
FACE = pathlib.Path(__file__).resolve().parents[3] / "docs" / "pictures" / "deploys.svg"
# What the face is drawn in, and nothing of the clients is.
FACE_COLOR = bytes((0xd4, 0x1f, 0x6b))

FIRST = {"title": "Deployed web 4.1", "url": "https://ci.example.org/1741",
         "tags": ["web"]}
SECOND = {"title": "Deployed web 4.2", "body": "All checks are green.",
          "url": "https://ci.example.org/1742", "tags": ["web"]}


class WebProsody(Prosody):
    """Speaks XMPP over WebSocket (RFC 7395), too, and has what clients look for."""

    template = CONFIG.replace(
        "http_ports = {{}}",
        'http_ports = {{ {http_port} }}\nhttp_interfaces = {{ "127.0.0.1" }}\n'
        'http_default_host = "{domain}"\nconsider_websocket_secure = true').replace(
        '"smacks",', '"smacks", "pep", "websocket", "vcard_legacy",')

    def __init__(self, *args, **more):
        self.http_port = free_port()
        super().__init__(*args, **more)


class Scene:
    """The servers, the feed with its face, and people who have it as a contact."""

    def __init__(self, logs, say):
        site.SERVERS[WebProsody.kind] = WebProsody
        self.logs, self.say = logs, say
        self.site = site.Site(WebProsody.kind, logs=logs, say=say, domain=DOMAIN)

    def __enter__(self):
        self.site.start()
        try:
            self._make_feed()
        except BaseException:
            self.site.stop()
            raise
        return self

    def _make_feed(self):
        self.dir, self.server = self.site.dir, self.site.server
        self.feed = f"{FEED}@{self.site.service}"
        rest = self.site.rest
        rest.put_feed(FEED, title=TITLE, access="open",
                      description="What goes out, and when")
        rest.request("PUT", f"/v1/feeds/{FEED}/avatar", FACE.read_bytes(),
                     {"Content-Type": "image/svg+xml"}).ok()

    def __exit__(self, *_exc):
        self.site.stop()

    def follower(self, user):
        """(JID, password) of USER, who has the feed as a contact; not logged in."""
        client = self.site.client(user)
        answer = client.iq(client.jid, "<query xmlns='jabber:iq:roster'><item "
                           f"jid='{self.feed}' name='{TITLE}'/></query>", "set")
        assert answer.type == "result", answer
        client.send(f"<presence to='{self.feed}' type='subscribe'/>")
        client.wait_for(is_presence(self.feed))
        client.logout()
        return client.jid, self.server.passwords[user]

    def publish(self, event):
        """Until the XMPP server has taken it for everybody."""
        self.site.settled(FEED, self.site.rest.publish(FEED, event)["id"])
