-- For /etc/prosody/conf.d/belfry.cfg.lua. The secret is what is in /etc/belfry/xmpp.secret.

Component "feeds.example.org"
	component_secret = "CHANGE-ME"
	-- A worker that was stopped must not keep the name from the one that takes over.
	component_conflict_resolve = "kick_old"

-- Global settings, to stand above the first VirtualHost:
--
-- Fan-outs make much garbage: this makes Prosody about three times as fast at them.
--	gc = { mode = "generational" }
--
-- Where the components connect; loopback is the default.
--	component_ports = { 5347 }
--	component_interfaces = { "127.0.0.1", "::1" }
