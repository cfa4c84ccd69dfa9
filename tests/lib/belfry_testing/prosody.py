"""A Prosody of one's own (0.12 and 13)."""

import subprocess

from .child import Child, give_to
from .xmpp_server import XmppServer

CONFIG = """\
pidfile = "{dir}/prosody.pid"
data_path = "{dir}/data"
admin_socket = "{dir}/admin.sock"
certificates = "{dir}"
daemonize = false
log = {{ info = "*console" }}

interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {c2s_port} }}
c2s_direct_tls_ports = {{}}
s2s_ports = {{}}
s2s_direct_tls_ports = {{}}
http_ports = {{}}
https_ports = {{}}
component_interfaces = {{ "127.0.0.1" }}
component_ports = {{ {component_port} }}
component_stanza_size_limit = {limit}

gc = {{ mode = "generational" }}
authentication = "internal_hashed"
c2s_require_encryption = true
modules_enabled = {{
	"roster", "saslauth", "tls", "disco", "ping", "version", "offline", "blocklist",
	"carbons", "smacks",
}}
modules_disabled = {{ "s2s"{no_offline} }}
offline_messages_limit = 10000

VirtualHost "{domain}"
	ssl = {{ certificate = "{cert}", key = "{key}" }}

Component "{component_domain}"
	component_secret = "{component_secret}"
	component_conflict_resolve = "kick_old"
	modules_disabled = {{ "s2s" }}

Component "{crowd_domain}"
	component_secret = "{crowd_secret}"
	modules_disabled = {{ "s2s" }}

Component "{elsewhere_domain}"
	component_secret = "{crowd_secret}"
	modules_disabled = {{ "s2s" }}
"""


class Prosody(XmppServer):
    kind = "prosody"
    user_name = "prosody"
    template = CONFIG

    def configure(self):
        self.conf = self.dir / "prosody.cfg.lua"
        # It is loaded whether it is named or not.
        self.conf.write_text(self.template.format(
            limit=self.stanza_limit, no_offline="" if self.offline else ', "offline"',
            **vars(self)))
        give_to(self.user, self.conf)
        self.child = self.child or Child(
            "prosody", ["prosody", "-F", "--config", self.conf], self.log,
            user=self.user, cwd=self.dir)

    def register(self, user, password):
        argv = ["prosodyctl", "--config", str(self.conf), "register", user, self.domain,
                password]
        who = {}
        if self.user:
            who = {"user": self.user.pw_uid, "group": self.user.pw_gid,
                   "extra_groups": []}
        done = subprocess.run(argv, cwd=self.dir, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, **who)
        if done.returncode != 0:
            raise RuntimeError(f"prosodyctl register: {done.stdout}{done.stderr}")
