#include "store/redis_url.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#define DB_MAX 65535
#define SENTINELS_MAX 16
#define MASTER_MAX 128

bool redis_host_same(const struct redis_host *a, const struct redis_host *b)
{
	return a->name && b->name && a->port == b->port &&
	       strcasecmp(a->name, b->name) == 0;
}

/* Undoes percent-encoding; NULL if it is not right or would hold a NUL. */
static char *decode(const char *s, size_t len)
{
	char *out = xmalloc(len + 1);
	size_t n = 0;
	for (size_t i = 0; i < len; i++) {
		char c = s[i];
		if (c == '%') {
			int hi = len - i > 2 ? text_hex_digit(s[i + 1]) : -1;
			int lo = len - i > 2 ? text_hex_digit(s[i + 2]) : -1;
			if (hi < 0 || lo < 0 || hi + lo == 0) {
				free(out);
				return NULL;
			}
			c = (char)(hi * 16 + lo);
			i += 2;
		}
		out[n++] = c;
	}
	out[n] = '\0';
	return out;
}

static const char *parse_db(struct redis_url *u, const char *s)
{
	uint64_t db;
	if (parse_u64(s, strlen(s), DB_MAX, &db) < 0)
		return "the database must be a number, as in redis://127.0.0.1:6379/0";
	u->db = (uint32_t)db;
	return NULL;
}

static const char *parse_unix(struct redis_url *u, const char *s)
{
	const char *query = strchr(s, '?');
	size_t len = query ? (size_t)(query - s) : strlen(s);
	if (s[0] != '/' || len < 2)
		return "a socket needs an absolute path, as in "
		       "unix:///run/redis/redis.sock";
	if (len >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return "the path of the socket is too long";
	u->path = xmemdup0(s, len);
	if (!query)
		return NULL;
	if (strncmp(query, "?db=", 4) != 0)
		return "after the path of a socket only ?db=NUMBER may follow";
	return parse_db(u, query + 4);
}

/* USER[:PASSWORD], percent-encoded. */
static const char *parse_auth(struct redis_url *u, const char *s, size_t len)
{
	const char *colon = memchr(s, ':', len);
	size_t user = colon ? (size_t)(colon - s) : len;
	if (user) {
		u->user = decode(s, user);
		if (!u->user)
			return "the user's name has a bad percent-encoding";
	}
	if (colon) {
		u->password = decode(colon + 1, len - user - 1);
		if (!u->password)
			return "the password has a bad percent-encoding";
	}
	return NULL;
}

/* HOST[:PORT], [V6][:PORT]; PORT is that where none stands. */
static const char *parse_host(struct redis_host *h, const char *s, size_t len,
			      uint16_t standard)
{
	const char *port = NULL, *end = s + len;
	if (len && s[0] == '[') {
		const char *close = memchr(s, ']', len);
		if (!close)
			return "an IPv6 address wants a closing bracket";
		h->name = xmemdup0(s + 1, (size_t)(close - s - 1));
		if (close + 1 < end) {
			if (close[1] != ':')
				return "after the address only :PORT may follow";
			port = close + 2;
		}
	} else {
		const char *colon = memchr(s, ':', len);
		h->name = xmemdup0(s, colon ? (size_t)(colon - s) : len);
		port = colon ? colon + 1 : NULL;
	}
	if (!h->name[0] || strlen(h->name) > 255)
		return "it names no host, as in redis://127.0.0.1:6379/0";
	uint64_t n = standard;
	if (port && (parse_u64(port, (size_t)(end - port), 65535, &n) < 0 || n == 0))
		return "the port must be a number from 1 to 65535";
	h->port = (uint16_t)n;
	return NULL;
}

/* Goes past what stands before the last @, if anything does. */
static const char *skip_auth(struct redis_url *u, const char **s, size_t *len)
{
	const char *at = memrchr(*s, '@', *len);
	if (!at)
		return NULL;
	const char *bad = parse_auth(u, *s, (size_t)(at - *s));
	*len -= (size_t)(at + 1 - *s);
	*s = at + 1;
	return bad;
}

static const char *parse_tcp(struct redis_url *u, const char *s)
{
	size_t len = strcspn(s, "/?");
	const char *rest = s + len;
	const char *bad = skip_auth(u, &s, &len);
	if (!bad)
		bad = parse_host(&u->host, s, len, 6379);
	if (!bad && rest[0] == '?')
		bad = "only /DATABASE may follow the port";
	if (!bad && rest[0] == '/' && rest[1])
		bad = parse_db(u, rest + 1);
	return bad;
}

/* Each has one vote. */
static bool stands_twice(const struct redis_url *u)
{
	const struct redis_host *last = &u->sentinels[u->sentinel_count - 1];
	for (const struct redis_host *h = u->sentinels; h < last; h++)
		if (redis_host_same(h, last))
			return true;
	return false;
}

/* HOST[:PORT] separated by commas. */
static const char *parse_sentinels(struct redis_url *u, const char *s, size_t len)
{
	const char *bad = NULL, *end = s + len;
	u->sentinels = xcalloc(SENTINELS_MAX, sizeof *u->sentinels);
	while (!bad) {
		const char *comma = memchr(s, ',', (size_t)(end - s));
		size_t one = (size_t)((comma ? comma : end) - s);
		if (u->sentinel_count == SENTINELS_MAX)
			return "it names more than 16 Sentinels";
		bad = parse_host(&u->sentinels[u->sentinel_count++], s, one, 26379);
		if (!bad && stands_twice(u))
			bad = "it names a Sentinel twice, which would have two votes";
		if (!comma)
			break;
		s = comma + 1;
	}
	return bad;
}

/* MASTER[/DB] */
static const char *parse_master(struct redis_url *u, const char *s)
{
	size_t len = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			       "0123456789._-");
	if (!len || len > MASTER_MAX || (s[len] && s[len] != '/'))
		return "it wants the master's name behind the Sentinels, as in "
		       "redis+sentinel://10.0.0.1:26379,10.0.0.2:26379/mymaster/0";
	u->master = xmemdup0(s, len);
	return s[len] && s[len + 1] ? parse_db(u, s + len + 1) : NULL;
}

static const char *parse_sentinel_url(struct redis_url *u, const char *s)
{
	size_t len = strcspn(s, "/?");
	const char *rest = s + len;
	const char *bad = skip_auth(u, &s, &len);
	if (!bad)
		bad = parse_sentinels(u, s, len);
	if (!bad)
		bad = parse_master(u, rest[0] == '/' ? rest + 1 : "");
	return bad;
}

int redis_url_parse(struct redis_url *u, const char *text, char *why, size_t why_size)
{
	const char *bad;
	*u = (struct redis_url){0};
	if (strncmp(text, "redis://", 8) == 0)
		bad = parse_tcp(u, text + 8);
	else if (strncmp(text, "unix://", 7) == 0)
		bad = parse_unix(u, text + 7);
	else if (strncmp(text, "redis+sentinel://", 17) == 0)
		bad = parse_sentinel_url(u, text + 17);
	else if (strncmp(text, "rediss", 6) == 0)
		bad = "TLS to Redis is not supported: use a tunnel on this machine";
	else
		bad = "it must begin with redis://, unix:// or redis+sentinel://";
	if (!bad)
		return 0;
	redis_url_free(u);
	snprintf(why, why_size, "redis.url: %s", bad);
	return -1;
}

void redis_url_free(struct redis_url *u)
{
	free(u->host.name);
	for (size_t i = 0; i < u->sentinel_count; i++)
		free(u->sentinels[i].name);
	free(u->sentinels);
	free(u->master);
	free(u->path);
	free(u->user);
	if (u->password) {
		explicit_bzero(u->password, strlen(u->password));
		free(u->password);
	}
	*u = (struct redis_url){0};
}
