"""An ejabberd of one's own (23 and 24), without Erlang distribution: no epmd, no cookie."""

import glob
import json
import urllib.request

from .child import Child, free_port, give_to
from .xmpp_server import XmppServer

CONFIG = """\
loglevel: info
log_rotate_count: 0
hosts: ["{domain}"]
certfiles: ["{dir}/both.pem"]
auth_method: internal
auth_password_format: scram

listen:
  - port: {c2s_port}
    ip: "127.0.0.1"
    module: ejabberd_c2s
    starttls: true
    starttls_required: true
    max_stanza_size: 1048576
    shaper: none
  - port: {component_port}
    ip: "127.0.0.1"
    module: ejabberd_service
    access: all
    shaper: none
    max_stanza_size: {limit}
    # Else each component of this port gets the stanzas of all of them.
    global_routes: false
    hosts:
      "{component_domain}":
        password: "{component_secret}"
      "{crowd_domain}":
        password: "{crowd_secret}"
      "{elsewhere_domain}":
        password: "{crowd_secret}"
  - port: {api_port}
    ip: "127.0.0.1"
    module: ejabberd_http
    request_handlers:
      /api: mod_http_api

api_permissions:
  "on loopback":
    who: {{ ip: "127.0.0.1/8" }}
    what: ["register", "status"]

acl:
  multicast:
    server: "{multicast_for}"

access_rules:
  multicast:
    allow: multicast

shaper_rules:
  max_user_sessions: 100
  max_user_offline_messages: 10000

modules:
  mod_blocking: {{}}
  mod_carboncopy: {{}}
  mod_disco: {{}}
  mod_http_api: {{}}
{multicast_module}{offline_module}  mod_ping: {{}}
  mod_privacy: {{}}
  mod_roster: {{}}
  mod_stream_mgmt: {{}}
  mod_version: {{}}
"""


OFFLINE = """\
  mod_offline:
    access_max_user_messages: max_user_offline_messages
"""


# XEP-0033; what comes from components is of the remote limits.
MULTICAST = """\
  mod_multicast:
    host: "multicast.{domain}"
    access: multicast
"""
LIMITS = """\
    limits:
      remote:
        message: {multicast_limit}
"""


class Ejabberd(XmppServer):
    kind = "ejabberd"
    user_name = "ejabberd"
    template = CONFIG

    def __init__(self, *args, **kwargs):
        self.api_port = free_port()
        super().__init__(*args, **kwargs)

    def _multicast(self):
        module = MULTICAST if self.multicast else ""
        if self.multicast_limit:
            module += LIMITS
        return {"multicast_module": module.format(**vars(self)),
                "multicast_for": self.component_domain if self.multicast in (None, True)
                else self.multicast}

    def configure(self):
        both, self.conf = self.dir / "both.pem", self.dir / "ejabberd.yml"
        both.write_text(self.cert.read_text() + self.key.read_text())
        self.conf.write_text(self.template.format(
            limit=self.stanza_limit, offline_module=OFFLINE if self.offline else "",
            **self._multicast(), **vars(self)))
        give_to(self.user, both, self.conf)
        libs = glob.glob("/usr/lib/*/ejabberd-*") + glob.glob("/usr/lib/ejabberd-*")
        env = {"HOME": str(self.dir), "EJABBERD_CONFIG_PATH": str(self.conf),
               "EJABBERD_LOG_PATH": str(self.dir / "ejabberd.log"),
               "ERL_CRASH_DUMP": str(self.dir / "erl_crash.dump"),
               "ERL_LIBS": libs[0].rsplit("/", 1)[0] if libs else "/usr/lib"}
        argv = ["erl", "+sbwt", "none", "-mnesia", "dir", f'"{self.dir}/spool"',
                "-s", "ejabberd", "-noinput", "-noshell"]
        self.child = self.child or Child("ejabberd", argv, self.log, env=env,
                                         user=self.user, cwd=self.dir)

    def register(self, user, password):
        body = json.dumps({"user": user, "host": self.domain, "password": password})
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.api_port}/api/register", body.encode(),
            {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            answer.read()
