#ifndef BELFRY_CORE_CONFIG_H
#define BELFRY_CORE_CONFIG_H

#include <belfry/base/log.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* HOST:PORT, [V6]:PORT; port 0 lets the kernel choose. */
struct config_addr {
	char *host;
	uint16_t port;
};

/*
 * The whole configuration, read once at start and passed in as const. Every key is
 * section.name in the file and BELFRY_SECTION_NAME in the environment, which wins. The
 * table in hub/core/config.c holds name, type, default, bounds and help of each: --help,
 * `belfry config` and docs/configuration.md come from it.
 */
struct config {
	struct {
		struct config_addr listen;	 /* 127.0.0.1:8080 */
		uint64_t max_body_bytes;	 /* 65536; 1 KiB .. 1 MiB */
		uint64_t max_connections;	 /* 1024 */
		uint64_t max_connections_per_ip; /* 256 */
		uint64_t request_timeout_ms;	 /* 10000: from first byte to answer */
		uint64_t idempotency_ttl_s;	 /* 3600 */
	} http;
	struct {
		char *url;		 /* redis://127.0.0.1:6379/0, unix:///path?db=0 or
					  * redis+sentinel://host:26379,host:26379/master/0 */
		char *password;		 /* from redis.password_file; NULL: none */
		char *sentinel_user;	 /* NULL: none */
		char *sentinel_password; /* from redis.sentinel_password_file; or NULL */
		uint64_t wait_replicas;	 /* 0 */
		uint64_t timeout_ms;	 /* 3000: a command without an answer */
		bool allow_data_loss; /* false: refuse to start on a Redis that forgets */
	} redis;
	struct {
		char *domain; /* of the component; required for work and check */
		struct config_addr server; /* 127.0.0.1:5347 */
		char *secret;		   /* xmpp.secret or from xmpp.secret_file */
		char **trusted_domains;	   /* normalized, NULL-terminated; default: domain
					    * without its first label */
		uint64_t max_stanza_bytes; /* 262144 */
		char *multicast; /* JID of a XEP-0033 service below the domain whose
				  * users it serves; NULL: none */
	} xmpp;
	/* How often in an hour; 0: as often as they like. Not for trusted domains: the
	 * two that go by domain. */
	struct {
		uint64_t subscribe_per_jid;    /* 200 */
		uint64_t subscribe_per_domain; /* 2000 */
		uint64_t invite_per_jid;       /* 5 */
		uint64_t invite_per_domain;    /* 100 */
	} limits;
	/* XEP-0157: URIs, NULL-terminated; or NULL. */
	struct {
		char **abuse, **admin, **feedback, **sales, **security, **status,
			**support;
	} contact;
	struct {
		struct config_addr listen; /* 127.0.0.1:8081: health and metrics */
		uint64_t lease_ms;	   /* 2000 */
	} work;
	/* What comes back (policy_bounce()). */
	struct {
		uint64_t retry_first_ms; /* 10000 */
		uint64_t retry_max_ms;	 /* 6 h */
		uint64_t retry_tries;	 /* 12 */
		uint64_t give_up_days;	 /* 5 */
	} delivery;
	struct {
		enum log_level level;	/* info */
		enum log_format format; /* logfmt */
	} log;
	uint64_t shutdown_ms; /* 10000: service.shutdown_ms, SIGTERM to exit */
};

/*
 * Reads PATH (NULL: no file) and the environment ENVIRON. Errors, all of them, one a
 * line, each with file and line or variable name and what to do, are appended to
 * *problems. Appended to *warnings: unknown BELFRY_ variables (BELFRY_CONFIG is known: it
 * names the file for the programs), secret files that others than their owner can get at,
 * and such a PATH if a secret stands in it (a group may read what root owns). NULL on
 * error. Secrets never stand in either. An empty value is the default; an empty
 * trusted_domains is nobody. Free with config_free().
 */
struct buf;
struct config *config_load(const char *path, char *const *environ_, struct buf *problems,
			   struct buf *warnings);
/*
 * The same for whoever does not log in at the XMPP server: the file that xmpp.secret_file
 * names is not opened, and xmpp.secret is NULL.
 */
struct config *config_load_for_store(const char *path, char *const *environ_,
				     struct buf *problems, struct buf *warnings);
void config_free(struct config *c);
/* redis.url as it may be shown: without user and password. Malloc'ed. */
char *config_url_shown(const char *url);
/* The table as an INI file with comments (a template to start from), for `belfry config`.
 */
void config_template(struct buf *out);

#endif
