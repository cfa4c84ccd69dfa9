"""Psi (1.5): set up by its account and option files, told by a link what to show."""

from xml.sax.saxutils import escape

from .scene import FACE_COLOR, FIRST, SECOND
from .screen import Screen

OPTIONS = {
    "keychain.enabled": False, "ui.systemtray.enable": False, "ui.tip.show": False,
    "ui.notifications.sounds.enable": False,
    "ui.notifications.passive-popups.enabled": False,
    "vcard.query-own-vcard-on-login": False,
}


def tree(values):
    """{"a.b": value} as Psi nests it in XML."""
    nested = {}
    for path, value in values.items():
        at = nested
        *parents, last = path.split(".")
        for part in parents:
            at = at.setdefault(part, {})
        at[last] = value
    return _xml(nested)


def _xml(nested):
    return "".join(f"<{name}>{_xml(value)}</{name}>" if isinstance(value, dict)
                   else _leaf(name, value) for name, value in nested.items())


def _leaf(name, value):
    kind = {bool: "bool", int: "int", str: "QString"}[type(value)]
    text = str(value).lower() if kind == "bool" else str(value)
    return f'<{name} type="{kind}">{escape(text)}</{name}>'


def obscured(password, jid):
    """As Psi keeps it: four hexadecimal digits a character."""
    return "".join(f"{ord(c) ^ ord(jid[i % len(jid)]):04x}"
                   for i, c in enumerate(password))


def account(server, jid, password):
    return {
        "enabled": True, "auto": True, "log": False, "enable-sm": True,
        "id": "{00000000-0000-4000-8000-000000000000}", "name": jid.split("@")[0],
        "jid": jid, "password": obscured(password, jid), "use-host": True,
        "host": "127.0.0.1", "port": server.c2s_port, "ssl": "yes",
        "allow-plain": "never", "automatic-resource": False, "resource": "psi",
        "priority": 5, "auto-same-status": True, "last-status": "online"}


class Psi:
    """Logged in as JID on SCREEN."""

    def __init__(self, screen, server, jid, password):
        self.screen = screen
        config, data = (screen.home / part / "psi" for part in ("config", "data"))
        profile = config / "profiles" / "default"
        for directory in (profile, data / "profiles" / "default", data / "certs"):
            directory.mkdir(parents=True)
        (data / "certs" / "server.pem").write_text(server.cert.read_text())
        self._write(profile, "accounts", "accounts", {
            f"accounts.a0.{key}": value
            for key, value in account(server, jid, password).items()})
        self._write(profile, "options", "psi", {
            f"options.{key}": value for key, value in OPTIONS.items()})
        screen.give()
        screen.run("psi", "psi", "--profile=default")

    @staticmethod
    def _write(profile, name, root, values):
        (profile / f"{name}.xml").write_text(
            f'<!DOCTYPE {root}>\n<{root} xmlns="http://psi-im.org/options" '
            f'version="1.5">{tree(values)}</{root}>\n')

    def open(self, link):
        """As if the link had been clicked."""
        self.screen.tool("psi", "--profile=default", "--remote", f"--uri={link}")


def take(scene, folder):
    """The contact in the list, the chat with its events, the form of a command."""
    with Screen(scene.dir / "psi", scene.logs, 1160, 420) as screen:
        psi = Psi(screen, scene.server, *scene.follower("bob"))
        contacts = screen.window("^Psi$")
        screen.place(contacts, 4, 24, 230, 384)
        screen.settle(lambda p: p.count(FACE_COLOR) > 100, "the face in the list")
        psi.open(f"xmpp:{scene.feed}?message;type=chat")
        screen.place(screen.window("^Deploys$"), 246, 24, 440, 384)
        screen.changed(lambda: scene.publish(FIRST), "the first event")
        screen.changed(lambda: scene.publish(SECOND), "the second event")
        screen.click(contacts, 50, 100, button=3)
        screen.press("x")
        screen.press("Return")
        dialog = screen.window("^Execute Command")
        screen.click(dialog, 140, 25)
        screen.type("Mute")
        screen.press("Return")
        screen.press("Return")
        screen.place(screen.window("^Mute "), 700, 60, 450, 150)
        screen.picture(folder / "psi.png")
