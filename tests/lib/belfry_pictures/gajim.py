"""Gajim (1.7, 2.1): set up by its settings file, told over D-Bus what to show."""

import json
import re
import sqlite3

from belfry_testing.waiting import wait_until

from .scene import FACE_COLOR, FIRST, SECOND
from .screen import Screen

NAME, PATH = "org.gajim.Gajim", "/org/gajim/Gajim"
TABLES = ("CREATE TABLE settings (name TEXT UNIQUE, settings TEXT)",
          "CREATE TABLE account_settings (account TEXT UNIQUE, settings TEXT)")


class Gajim:
    """Logged in as JID on SCREEN."""

    def __init__(self, screen, server, jid, password):
        self.screen, self.account = screen, jid.split("@")[0]
        trusted = screen.home / "data" / "gajim" / "cert_store"
        trusted.mkdir(parents=True)
        (trusted / "server").write_text(server.cert.read_text())
        settings = screen.home / "config" / "gajim" / "settings.sqlite"
        settings.parent.mkdir()
        self._configure(settings, server, jid, password)
        screen.give()
        screen.run("gajim", "gajim").await_ready(
            lambda: self._call("List").returncode == 0, 60)

    def _configure(self, path, server, jid, password):
        app = {"use_keyring": False, "check_for_update": False, "dark_theme": 0,
               "show_trayicon": False, "show_notifications": False, "sounds_on": False,
               "mainwin_width": 760, "mainwin_height": 560, "chat_handle_position": 260}
        account = {"active": True, "autoconnect": True, "name": self.account,
                   "hostname": jid.split("@")[1], "password": password,
                   "account_label": jid, "use_custom_host": True,
                   "custom_host": "127.0.0.1", "custom_port": server.c2s_port,
                   "custom_type": "START TLS"}
        db = sqlite3.connect(path)
        with db:
            for table in TABLES:
                db.execute(table)
            db.executemany("INSERT INTO settings VALUES (?, ?)", [
                ("app", json.dumps(app)), ("soundevents", "{}"), ("status_presets", "{}"),
                ("proxies", "{}"), ("plugins", "{}")])
            db.execute("INSERT INTO account_settings VALUES (?, ?)", (
                self.account, json.dumps({"account": account, "contact": {},
                                          "group_chat": {}})))
        db.close()

    def _call(self, method, *args):
        return self.screen.tool("gdbus", "call", "--session", "--dest", NAME,
                                "--object-path", PATH, "--method",
                                f"org.gtk.Actions.{method}", *args)

    def do(self, action, **parameters):
        """
        What one of its menus does, as soon as that can be chosen; of PARAMETERS, by type,
        with the one that this version takes.
        """
        about = []

        def can():
            about[:] = re.findall(r"^\(\((true|false), signature '\(?(\w+)\)?'",
                                  self._call("Describe", action).stdout.decode())
            return about and about[0][0] == "true"
        wait_until(can, lambda: f"Gajim can {action}: {about}", 60, pause=0.2)
        done = self._call("Activate", action, f"[<{parameters[about[0][1]]}>]", "{}")
        assert done.returncode == 0, done.stderr


def take(scene, folder):
    """The contact in the list, the chat with its events, the form of a command."""
    with Screen(scene.dir / "gajim", scene.logs, 1340, 590) as screen:
        gajim = Gajim(screen, scene.server, *scene.follower("alice"))
        screen.place(screen.window("^Gajim$"), 0, 0, 760, 560)
        scene.publish(FIRST)
        screen.settle(lambda p: p.count(FACE_COLOR) > 100, "the face in the list")
        gajim.do("open-chat", **{"as": f"['alice', '{scene.feed}']"})
        screen.settle(lambda p: p.count(FACE_COLOR) > 1000, "the face in the chat")
        screen.changed(lambda: scene.publish(SECOND), "the second event")
        gajim.do("alice-execute-command", s=f"'{scene.feed}'",
                 sas=f"('alice', ['{scene.feed}'])")
        dialog = screen.window("^Command List$")
        screen.place(dialog, 780, 40, 550, 450)
        screen.click(dialog, 120, 85)
        screen.type("mute")
        screen.press("Return")
        screen.window("^Stage$")
        screen.picture(folder / "gajim.png")
