#include "core/config_table.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define AT(member) offsetof(struct config, member)
#define LIMIT_MAX 1000000
#define DAY_MS 86400000

const struct config_key config_keys[] = {
	{"http.listen", CONFIG_ADDR, AT(http.listen), "127.0.0.1:8080", 0, 0,
	 "Where `belfry serve` takes requests, HOST:PORT or [IPv6]:PORT. Port 0 lets the\n"
	 "kernel choose. It speaks plain HTTP: put a TLS proxy in front for the world."},
	{"http.max_body_bytes", CONFIG_NUMBER, AT(http.max_body_bytes), "65536", 1024,
	 1048576, "The largest event, in bytes; a larger one gets 413."},
	{"http.max_connections", CONFIG_NUMBER, AT(http.max_connections), "1024", 1,
	 100000, "Connections at a time; further ones wait or are closed."},
	{"http.max_connections_per_ip", CONFIG_NUMBER, AT(http.max_connections_per_ip),
	 "256", 1, 100000, "The same for one client address."},
	{"http.request_timeout_ms", CONFIG_NUMBER, AT(http.request_timeout_ms), "10000",
	 100, 600000, "From the first byte of a request to its answer, in milliseconds."},
	{"http.idempotency_ttl_s", CONFIG_NUMBER, AT(http.idempotency_ttl_s), "3600", 1,
	 604800, "How long an Idempotency-Key is remembered, in seconds."},
	{"redis.url", CONFIG_URL, AT(redis.url), "redis://127.0.0.1:6379/0", 0, 0,
	 "redis://HOST:PORT/DB, unix:///path/to/socket?db=DB, or the master that Sentinels\n"
	 "name: redis+sentinel://HOST:PORT,HOST:PORT,HOST:PORT/MASTER/DB"},
	{"redis.password_file", CONFIG_SECRET_FILE, AT(redis.password), NULL, 0, 0,
	 "A file with the password of Redis, readable by this program alone."},
	{"redis.sentinel_user", CONFIG_NAME, AT(redis.sentinel_user), NULL, 0, 0,
	 "The user at the Sentinels, where they want one besides the password."},
	{"redis.sentinel_password_file", CONFIG_SECRET_FILE, AT(redis.sentinel_password),
	 NULL, 0, 0,
	 "A file with the password of the Sentinels, where they want one; that of the\n"
	 "master is redis.password_file."},
	{"redis.wait_replicas", CONFIG_NUMBER, AT(redis.wait_replicas), "0", 0, 16,
	 "Replicas that must have an event before it is acknowledged with 202. As many as\n"
	 "there are: it survives every change of master; fewer: a master that dies."},
	{"redis.timeout_ms", CONFIG_NUMBER, AT(redis.timeout_ms), "3000", 50, 60000,
	 "How long a command may take before Redis counts as away, in milliseconds."},
	{"redis.allow_data_loss", CONFIG_BOOL, AT(redis.allow_data_loss), "false", 0, 0,
	 "true: run on a Redis that forgets (no AOF, eviction): only for trying out."},
	{"xmpp.domain", CONFIG_DOMAIN, AT(xmpp.domain), NULL, 0, 0,
	 "The name of the component, such as feeds.example.org. `belfry work` needs it."},
	{"xmpp.server", CONFIG_ADDR, AT(xmpp.server), "127.0.0.1:5347", 1, 0,
	 "Where the XMPP server takes components (XEP-0114), HOST:PORT."},
	{"xmpp.secret", CONFIG_SECRET, AT(xmpp.secret), NULL, 0, 0,
	 "The component's secret. Better in a file: xmpp.secret_file."},
	{"xmpp.secret_file", CONFIG_SECRET_FILE, AT(xmpp.secret), NULL, 0, 0,
	 "A file with the component's secret, readable by this program alone."},
	{"xmpp.trusted_domains", CONFIG_DOMAINS, AT(xmpp.trusted_domains), NULL, 0, 0,
	 "Domains whose users are at home here, separated by spaces: `local` feeds are\n"
	 "open to them, and they can be subscribed over HTTP without being asked.\n"
	 "Default: xmpp.domain without its first label. Empty: nobody."},
	{"xmpp.max_stanza_bytes", CONFIG_NUMBER, AT(xmpp.max_stanza_bytes), "262144",
	 65536, 10485760,
	 "The largest stanza that the XMPP server takes; an event that would make a\n"
	 "larger one is refused when it is posted."},
	{"xmpp.multicast", CONFIG_DOMAIN, AT(xmpp.multicast), NULL, 0, 0,
	 "A multicast service (XEP-0033) of the XMPP server, such as ejabberd's\n"
	 "mod_multicast at multicast.example.org: one stanza goes to up to 20 users of\n"
	 "example.org, and the server has half the work. Default: none, each user gets\n"
	 "a stanza of his own. See docs/xmpp.md."},
	{"limits.subscribe_per_jid", CONFIG_NUMBER, AT(limits.subscribe_per_jid), "200",
	 0, LIMIT_MAX,
	 "How often in an hour one JID may subscribe over XMPP. 0: as often as it likes,\n"
	 "here and below."},
	{"limits.subscribe_per_domain", CONFIG_NUMBER, AT(limits.subscribe_per_domain),
	 "2000", 0, LIMIT_MAX,
	 "The same for all users of a domain together; not for those that\n"
	 "xmpp.trusted_domains names."},
	{"limits.invite_per_jid", CONFIG_NUMBER, AT(limits.invite_per_jid), "5", 0,
	 LIMIT_MAX,
	 "How often in an hour one JID may be invited over HTTP, to all feeds together."},
	{"limits.invite_per_domain", CONFIG_NUMBER, AT(limits.invite_per_domain), "100",
	 0, LIMIT_MAX, "The same for all users of a domain together."},
	{"contact.abuse", CONFIG_URIS, AT(contact.abuse), NULL, 0, 0,
	 "Whom people reach about this service (XEP-0157), shown to every XMPP client that\n"
	 "asks: URIs separated by blanks, such as mailto:abuse@example.org or\n"
	 "xmpp:abuse@example.org. This one: about abuse."},
	{"contact.admin", CONFIG_URIS, AT(contact.admin), NULL, 0, 0,
	 "Those who run it."},
	{"contact.feedback", CONFIG_URIS, AT(contact.feedback), NULL, 0, 0,
	 "What people think of it."},
	{"contact.sales", CONFIG_URIS, AT(contact.sales), NULL, 0, 0, "Who sells it."},
	{"contact.security", CONFIG_URIS, AT(contact.security), NULL, 0, 0,
	 "Who hears of its weaknesses."},
	{"contact.status", CONFIG_URIS, AT(contact.status), NULL, 0, 0,
	 "Where its state is told."},
	{"contact.support", CONFIG_URIS, AT(contact.support), NULL, 0, 0,
	 "Who helps people with it."},
	{"work.listen", CONFIG_ADDR, AT(work.listen), "127.0.0.1:8081", 0, 0,
	 "Where `belfry work` shows its health and metrics, HOST:PORT."},
	{"work.lease_ms", CONFIG_NUMBER, AT(work.lease_ms), "2000", 500, 60000,
	 "A worker that has not been seen for so long is replaced, in milliseconds."},
	{"delivery.retry_first_ms", CONFIG_NUMBER, AT(delivery.retry_first_ms), "10000",
	 1, DAY_MS,
	 "What came back is sent again after a random time up to this, in milliseconds;\n"
	 "with each failure up to twice as long."},
	{"delivery.retry_max_ms", CONFIG_NUMBER, AT(delivery.retry_max_ms), "21600000", 1,
	 7 * DAY_MS, "The longest such time, in milliseconds."},
	{"delivery.retry_tries", CONFIG_NUMBER, AT(delivery.retry_tries), "12", 1, 1000,
	 "After so many failures in a row, and delivery.give_up_days since the first, a\n"
	 "subscription becomes a dead letter: it is not tried again by itself."},
	{"delivery.give_up_days", CONFIG_NUMBER, AT(delivery.give_up_days), "5", 0, 365,
	 "The days for delivery.retry_tries. 0: the failures alone count."},
	{"log.level", CONFIG_LEVEL, AT(log.level), "info", 0, 0,
	 "debug, info, warn or error"},
	{"log.format", CONFIG_FORMAT, AT(log.format), "logfmt", 0, 0, "logfmt or json"},
	{"service.shutdown_ms", CONFIG_NUMBER, AT(shutdown_ms), "10000", 100, 600000,
	 "From SIGTERM to the end at the latest, in milliseconds."},
};
const size_t config_key_count = sizeof config_keys / sizeof config_keys[0];

void config_env_name(const struct config_key *key, char out[CONFIG_ENV_SIZE])
{
	snprintf(out, CONFIG_ENV_SIZE, "BELFRY_%s", key->name);
	for (char *c = out; *c; c++)
		*c = *c == '.' ? '_' : (char)toupper((unsigned char)*c);
}

#define NAME_MAX_LEN 63

/* Levenshtein's distance of two short names. */
static size_t distance(const char *a, const char *b)
{
	size_t row[NAME_MAX_LEN + 1], len = strlen(b);

	for (size_t i = 0; i <= len; i++)
		row[i] = i;
	for (size_t i = 0; a[i]; i++) {
		size_t diagonal = row[0];
		row[0] = i + 1;
		for (size_t k = 0; k < len; k++) {
			size_t change = diagonal + (a[i] != b[k]);
			size_t best =
				row[k] + 1 < row[k + 1] + 1 ? row[k] + 1 : row[k + 1] + 1;
			diagonal = row[k + 1];
			row[k + 1] = change < best ? change : best;
		}
	}
	return row[len];
}

/* The same name in another section is near as well: only the section was mistaken. */
static size_t farness(const char *name, const char *key)
{
	const char *dot = strchr(name, '.');
	size_t far = distance(name, key);

	if (dot && dot[1] && strcmp(dot, strchr(key, '.')) == 0)
		far = far < 2 ? far : 2;
	return far;
}

const struct config_key *config_nearest(const char *name)
{
	const struct config_key *nearest = NULL;
	size_t nearest_far = strlen(name) / 3 + 1;

	if (strlen(name) > NAME_MAX_LEN)
		return NULL;
	for (size_t i = 0; i < config_key_count; i++) {
		size_t far = farness(name, config_keys[i].name);
		if (far < nearest_far) {
			nearest = &config_keys[i];
			nearest_far = far;
		}
	}
	return nearest;
}
