"""
XMPP servers for a thousand clients: as those of the tests, and their clients may log in by
SASL PLAIN without TLS, for all rivals alike, so that not TLS is what is measured. Their own
pubsub runs as they set it up by default.
"""

import concurrent.futures

from belfry_testing.child import give_to
from belfry_testing.ejabberd import CONFIG as EJABBERD, Ejabberd
from belfry_testing.prosody import CONFIG as PROSODY, Prosody


def changed(text, *changes):
    for old, new in changes:
        if old not in text:
            raise SystemExit(f"bench: the servers' configuration has no {old.strip()!r}")
        text = text.replace(old, new)
    return text


class BenchServer:
    """
    PUBSUB_DOMAIN: the server's own pubsub, where PUBLISHER may make a node. OTHER_DOMAIN,
    SECOND_DOMAIN: more components; the second may use the multicast service, if there is
    one.
    """

    password = "bench-password"
    multicast_domain = None  # its service of XEP-0033

    def __init__(self, *args, publisher, **kwargs):
        self.pubsub_domain, self.other_domain = "pubsub.localhost", "other.localhost"
        self.second_domain = "second.localhost"
        self.publisher = publisher
        super().__init__(*args, **kwargs)

    def add_accounts(self, names):
        raise NotImplementedError


class BenchProsody(BenchServer, Prosody):
    template = changed(
        PROSODY,
        ("c2s_require_encryption = true",
         "c2s_require_encryption = false\nallow_unencrypted_plain_auth = true"),
        ('gc = {{', 'network_settings = {{ nagle = false }}\ngc = {{'),
        ('authentication = "internal_hashed"', 'authentication = "internal_plain"')
    ) + """
Component "{pubsub_domain}" "pubsub"
	admins = {{ "{publisher}@{domain}" }}
	modules_disabled = {{ "s2s" }}

Component "{other_domain}"
	component_secret = "{crowd_secret}"
	modules_disabled = {{ "s2s" }}
"""

    def add_accounts(self, names):
        """As the server stores them: prosodyctl takes minutes for a thousand."""
        folder = self.dir / "data" / self.domain / "accounts"
        made = [self.dir / "data", self.dir / "data" / self.domain, folder]
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            made.append(folder / f"{name}.dat")
            made[-1].write_text(f'return {{ ["password"] = "{self.password}" }};\n')
        give_to(self.user, *made)


class BenchEjabberd(BenchServer, Ejabberd):
    """mod_multicast runs with the limits that it has by default."""

    multicast_domain = "multicast.localhost"
    template = changed(
        EJABBERD,
        ("    starttls_required: true\n", ""),
        ("auth_password_format: scram", "auth_password_format: plain"),
        ('      "{elsewhere_domain}":', '      "{other_domain}":\n'
                                        '        password: "{crowd_secret}"\n'
                                        '      "{second_domain}":\n'
                                        '        password: "{component_secret}"\n'
                                        '      "{elsewhere_domain}":'),
        ("  mod_roster:", "  mod_pubsub:\n"
                          "    access_createnode: all\n"
                          "    last_item_cache: true\n"
                          "    plugins: [\"flat\"]\n"
                          "  mod_roster:"))

    def __init__(self, *args, **kwargs):
        super().__init__(*args, multicast="second.localhost", **kwargs)

    def add_accounts(self, names):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: self.register(name, self.password), names))


SERVERS = {"ejabberd": BenchEjabberd, "prosody": BenchProsody}
