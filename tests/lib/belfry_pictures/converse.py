"""converse.js (10) in Chromium, over WebSocket, from a web server of its own."""

import functools
import http.server
import json
import threading

from .browser import Browser
from .scene import FIRST, SECOND

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Converse</title>
<link rel="stylesheet" href="/dist/converse.min.css">
<script src="/dist/converse.min.js"></script></head>
<body class="converse-fullscreen"><script>
converse.initialize(%s);
</script></body></html>
"""


class _Files(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *args, page, **more):
        self.page = page
        super().__init__(*args, **more)

    def do_GET(self):
        if self.path != "/":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(self.page)))
        self.end_headers()
        self.wfile.write(self.page)

    def log_message(self, *_args):
        pass


class Converse:
    """Logged in as JID in BROWSER; PACKAGE is where npm's package is unpacked."""

    def __init__(self, browser, package, server, jid, password):
        self.browser = browser
        settings = {
            "authentication": "login", "auto_login": True, "jid": jid,
            "password": password, "discover_connection_methods": False,
            "websocket_url": f"ws://127.0.0.1:{server.http_port}/xmpp-websocket",
            "assets_path": "/dist/", "view_mode": "fullscreen", "i18n": "en",
            "play_sounds": False, "show_desktop_notifications": False,
            "allow_registration": False, "show_client_info": False}
        page = (PAGE % json.dumps(settings)).encode()
        self.http = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(_Files, page=page, directory=package))
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        browser.open(f"http://127.0.0.1:{self.http.server_port}/")

    def stop(self):
        self.http.shutdown()
        self.http.server_close()

    def wait_for_text(self, text):
        """In the chat."""
        self.browser.wait_for(
            "[...document.querySelectorAll('.chat-msg__text')]"
            f".some(e => e.textContent.includes({json.dumps(text)}))",
            f"the chat says {text}")


def take(scene, folder, package):
    """The contact, its events and an answer in chat; and the form of a command."""
    browser = Browser(scene.dir / "chromium", scene.logs / "chromium.log", 1000, 600)
    try:
        converse = Converse(browser, package, scene.server, *scene.follower("carol"))
        try:
            _take(scene, folder, browser, converse)
        finally:
            converse.stop()
    finally:
        browser.stop()


def _take(scene, folder, browser, converse):
    browser.wait_for("!!document.querySelector('.list-item-link.open-chat image')",
                     "the contact with its face")
    browser.click(".list-item-link.open-chat")
    for event in (FIRST, SECOND):
        scene.publish(event)
        converse.wait_for_text(event["title"])
    browser.click(".chat-textarea")
    browser.type("mute 2h")
    browser.press_enter()
    converse.wait_for_text("is muted until")
    browser.picture(folder / "converse.png")

    browser.click(".show-client-info")
    browser.click("converse-adhoc-commands input[name=jid]")
    browser.type(scene.feed)
    browser.click("converse-adhoc-commands input[type=submit]")
    browser.click("a[data-command-node='belfry:mute']")
    browser.wait_for("!!document.querySelector('[data-action=complete]')", "the form")
    browser.picture(folder / "converse-command.png")
