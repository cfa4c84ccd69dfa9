#include "core/config_table.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>
#include <belfry/core/jid.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_FILE_MAX 4096
#define HOST_MAX 255
#define NAME_LEN_MAX 255
#define URIS_MAX 8
#define URI_MAX 1023
#define URI_SHOWN_MAX 128

/* Where the value of a key is kept: MEMBER(char *, c, key) is an lvalue. */
#define MEMBER(type, c, key) (*(type *)(void *)((char *)(c) + (key)->offset))

struct sinks {
	struct buf *problems, *warnings;
};

typedef void (*read_fn)(struct config *c, const struct config_source *src,
			struct sinks *sinks);

static void read_number(struct config *c, const struct config_source *src,
			struct sinks *sinks)
{
	const struct config_key *key = src->key;
	uint64_t value;

	if (parse_u64(src->value, strlen(src->value), key->max, &value) ||
	    value < key->min)
		buf_printf(sinks->problems,
			   "%s must be a whole number from %llu to %llu, it is \"%s\"\n",
			   src->where, (unsigned long long)key->min,
			   (unsigned long long)key->max, src->value);
	else
		MEMBER(uint64_t, c, key) = value;
}

static void read_bool(struct config *c, const struct config_source *src,
		      struct sinks *sinks)
{
	bool yes = strcmp(src->value, "true") == 0;

	if (!yes && strcmp(src->value, "false") != 0)
		buf_printf(sinks->problems, "%s must be true or false, it is \"%s\"\n",
			   src->where, src->value);
	MEMBER(bool, c, src->key) = yes;
}

static bool host_valid(const char *host, size_t len)
{
	if (len == 0 || len > HOST_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)host[i] <= ' ' || host[i] == '/' || host[i] == '@')
			return false;
	return true;
}

/* Splits HOST:PORT or [V6]:PORT; -1 if it is neither. */
static int split_addr(const char *s, struct config_addr *out)
{
	const char *colon = strrchr(s, ':');
	uint64_t port;

	if (!colon || parse_u64(colon + 1, strlen(colon + 1), UINT16_MAX, &port))
		return -1;
	size_t len = (size_t)(colon - s);
	bool brackets = len >= 2 && s[0] == '[' && s[len - 1] == ']';
	if (brackets) {
		s++;
		len -= 2;
	}
	if (!host_valid(s, len) || (!brackets && memchr(s, ':', len)) ||
	    memchr(s, '[', len) || memchr(s, ']', len))
		return -1;
	out->host = xmemdup0(s, len);
	out->port = (uint16_t)port;
	return 0;
}

static void read_addr(struct config *c, const struct config_source *src,
		      struct sinks *sinks)
{
	struct config_addr addr;

	if (split_addr(src->value, &addr)) {
		buf_printf(sinks->problems,
			   "%s must be HOST:PORT or [IPv6]:PORT, it is \"%s\"\n",
			   src->where, src->value);
		return;
	}
	if (addr.port < src->key->min)
		buf_printf(sinks->problems, "%s needs a port from 1 to 65535\n",
			   src->where);
	MEMBER(struct config_addr, c, src->key) = addr;
}

/* What follows the scheme, where a user and a password may stand; else NULL. */
static const char *authority(const char *url)
{
	static const char *const schemes[] = {"redis://", "redis+sentinel://"};

	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
		if (strncmp(url, schemes[i], strlen(schemes[i])) == 0)
			return url + strlen(schemes[i]);
	return NULL;
}

/* Up to the last @, wherever it stands: what is malformed may be a password, too. */
char *config_url_shown(const char *url)
{
	const char *user = authority(url);
	const char *at = user ? strrchr(user, '@') : NULL;
	struct buf out = {0};

	if (at)
		buf_add(&out, url, (size_t)(user - url));
	buf_adds(&out, at ? at + 1 : url);
	return buf_steal(&out);
}

bool config_value_secret(const struct config_source *src)
{
	if (src->key->type == CONFIG_SECRET)
		return *src->value != '\0';
	if (src->key->type != CONFIG_URL)
		return false;
	const char *user = authority(src->value);
	const char *at = user ? strrchr(user, '@') : NULL;
	const char *colon = at ? memchr(user, ':', (size_t)(at - user)) : NULL;
	return colon && colon + 1 < at;
}

/* Not shown in errors: people put passwords into URLs. The store reads the rest. */
static void read_url(struct config *c, const struct config_source *src,
		     struct sinks *sinks)
{
	if (!authority(src->value) && strncmp(src->value, "unix://", 7) != 0)
		buf_printf(sinks->problems,
			   "%s must be redis://HOST:PORT/DB, unix:///PATH?db=DB or "
			   "redis+sentinel://HOST:PORT,HOST:PORT/MASTER/DB\n",
			   src->where);
	else
		MEMBER(char *, c, src->key) = xstrdup(src->value);
}

/* A name as it is said to a server: no blanks, nothing that is not visible. */
static void read_name(struct config *c, const struct config_source *src,
		      struct sinks *sinks)
{
	bool sound = strlen(src->value) <= NAME_LEN_MAX;

	for (const char *s = src->value; *s; s++)
		sound = sound && (unsigned char)*s > ' ' && *s != 0x7f;
	if (!sound)
		buf_printf(sinks->problems,
			   "%s must be a name without blanks, of at most %d bytes\n",
			   src->where, NAME_LEN_MAX);
	else
		MEMBER(char *, c, src->key) = xstrdup(src->value);
}

/* A normalized domain, or NULL and a line in problems. */
static char *domain_of(const char *s, size_t len, const struct config_source *src,
		       struct sinks *sinks)
{
	const char *wrong = NULL;
	char *domain = jid_normalize(s, len, &wrong);

	if (domain && strpbrk(domain, "@/")) {
		free(domain);
		domain = NULL;
		wrong = "give the domain alone, without @ and /";
	}
	if (!domain)
		buf_printf(sinks->problems, "%s: \"%.*s\" is not a domain: %s\n",
			   src->where, (int)len, s, wrong);
	return domain;
}

static void read_domain(struct config *c, const struct config_source *src,
			struct sinks *sinks)
{
	MEMBER(char *, c, src->key) =
		domain_of(src->value, strlen(src->value), src, sinks);
}

static void read_domains(struct config *c, const struct config_source *src,
			 struct sinks *sinks)
{
	static const char separators[] = " ,\t";
	char **list = xcalloc(1, sizeof *list);
	const char *s = src->value;
	size_t count = 0;

	while (*(s += strspn(s, separators))) {
		size_t len = strcspn(s, separators);
		char *domain = domain_of(s, len, src, sinks);
		if (domain) {
			list = xreallocarray(list, count + 2, sizeof *list);
			list[count++] = domain;
			list[count] = NULL;
		}
		s += len;
	}
	MEMBER(char **, c, src->key) = list;
}

/* RFC 3986: a scheme, a colon, and visible ASCII. */
static bool uri_valid(const char *s, size_t len)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t scheme = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789+.-");

	if (!strchr(letters, *s) || s[scheme] != ':' || scheme + 1 >= len ||
	    len > URI_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (s[i] <= ' ' || s[i] == 0x7f || strchr("<>\"\\^`{|}", s[i]))
			return false;
	return true;
}

static void read_uris(struct config *c, const struct config_source *src,
		      struct sinks *sinks)
{
	static const char blanks[] = " \t";
	char **list = xcalloc(URIS_MAX + 1, sizeof *list);
	const char *s = src->value;
	size_t count = 0;

	while (*(s += strspn(s, blanks))) {
		size_t len = strcspn(s, blanks);
		if (count == URIS_MAX) {
			buf_printf(sinks->problems, "%s takes at most %d URIs\n",
				   src->where, URIS_MAX);
			break;
		}
		if (uri_valid(s, len))
			list[count++] = xmemdup0(s, len);
		else
			buf_printf(sinks->problems,
				   "%s: \"%.*s\" is not a URI such as "
				   "mailto:help@example.org\n",
				   src->where, (int)utf8_cut(s, len, URI_SHOWN_MAX), s);
		s += len;
	}
	MEMBER(char **, c, src->key) = list;
}

static void read_secret(struct config *c, const struct config_source *src,
			struct sinks *sinks)
{
	(void)sinks;
	MEMBER(char *, c, src->key) = xstrdup(src->value);
}

char *config_read_fd(int fd, size_t max, size_t *len, int *why)
{
	char *text = xmalloc(max + 1);
	ssize_t n = 0;

	*len = 0;
	while (*len <= max && (n = read(fd, text + *len, max + 1 - *len)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		*len += (size_t)n;
	}
	*why = n < 0 ? errno : 0;
	if (n == 0 && *len <= max)
		return text;
	free(text);
	return NULL;
}

static void take_secret(struct config *c, const struct config_source *src, int fd,
			struct sinks *sinks)
{
	size_t len;
	int why;
	char *text = config_read_fd(fd, SECRET_FILE_MAX, &len, &why);

	if (!text) {
		buf_printf(sinks->problems, "%s: cannot read \"%s\": %s\n", src->where,
			   src->value, why ? strerror(why) : "longer than 4096 bytes");
		return;
	}
	while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	if (len && !memchr(text, '\0', len))
		MEMBER(char *, c, src->key) = xmemdup0(text, len);
	else
		buf_printf(sinks->problems,
			   "%s: \"%s\" must hold the secret on one line, it is %s\n",
			   src->where, src->value, len ? "binary" : "empty");
	free(text);
}

const char *config_exposed(const struct stat *st)
{
	mode_t group = S_IWGRP;

	if (st->st_uid != 0)
		group |= S_IRGRP;
	if (!S_ISREG(st->st_mode))
		return NULL;
	if (st->st_mode & group)
		return st->st_uid == 0 ? "g-w,o=" : "go=";
	return st->st_mode & (S_IROTH | S_IWOTH) ? "o=" : NULL;
}

static void read_secret_file(struct config *c, const struct config_source *src,
			     struct sinks *sinks)
{
	int fd = open(src->value, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		buf_printf(sinks->problems, "%s: cannot read \"%s\": %s\n", src->where,
			   src->value, strerror(errno));
	} else {
		const char *mend = config_exposed(&st);
		if (mend)
			buf_printf(
				sinks->warnings,
				"%s: others on this machine can get at \"%s\": chmod %s "
				"it\n",
				src->where, src->value, mend);
		take_secret(c, src, fd, sinks);
	}
	if (fd >= 0)
		close(fd);
}

/* The index of VALUE among the words of CHOICES (NULL-terminated), or a problem and 0. */
static int choose(const struct config_source *src, const char *const *choices,
		  struct sinks *sinks)
{
	for (int i = 0; choices[i]; i++)
		if (strcmp(src->value, choices[i]) == 0)
			return i;
	buf_printf(sinks->problems, "%s must be one of", src->where);
	for (int i = 0; choices[i]; i++)
		buf_printf(sinks->problems, "%s %s", i ? "," : "", choices[i]);
	buf_printf(sinks->problems, "; it is \"%s\"\n", src->value);
	return 0;
}

static void read_level(struct config *c, const struct config_source *src,
		       struct sinks *sinks)
{
	static const char *const choices[] = {"debug", "info", "warn", "error", NULL};

	MEMBER(enum log_level, c, src->key) = (enum log_level)choose(src, choices, sinks);
}

static void read_format(struct config *c, const struct config_source *src,
			struct sinks *sinks)
{
	static const char *const choices[] = {"logfmt", "json", NULL};

	MEMBER(enum log_format, c, src->key) =
		(enum log_format)choose(src, choices, sinks);
}

static const read_fn readers[] = {
	[CONFIG_NUMBER] = read_number, [CONFIG_BOOL] = read_bool,
	[CONFIG_ADDR] = read_addr,     [CONFIG_URL] = read_url,
	[CONFIG_DOMAIN] = read_domain, [CONFIG_DOMAINS] = read_domains,
	[CONFIG_URIS] = read_uris,     [CONFIG_SECRET] = read_secret,
	[CONFIG_LEVEL] = read_level,   [CONFIG_SECRET_FILE] = read_secret_file,
	[CONFIG_FORMAT] = read_format, [CONFIG_NAME] = read_name,
};

void config_value_read(struct config *c, const struct config_source *src,
		       struct buf *problems, struct buf *warnings)
{
	struct sinks sinks = {problems, warnings};

	config_value_free(c, src->key);
	readers[src->key->type](c, src, &sinks);
}

static void free_list(char **list)
{
	for (char **s = list; s && *s; s++)
		free(*s);
	free(list);
}

void config_value_free(struct config *c, const struct config_key *key)
{
	switch (key->type) {
	case CONFIG_ADDR:
		free(MEMBER(struct config_addr, c, key).host);
		MEMBER(struct config_addr, c, key) = (struct config_addr){0};
		break;
	case CONFIG_DOMAINS:
	case CONFIG_URIS:
		free_list(MEMBER(char **, c, key));
		MEMBER(char **, c, key) = NULL;
		break;
	case CONFIG_URL:
	case CONFIG_NAME:
	case CONFIG_DOMAIN:
	case CONFIG_SECRET:
	case CONFIG_SECRET_FILE:
		free(MEMBER(char *, c, key));
		MEMBER(char *, c, key) = NULL;
		break;
	case CONFIG_NUMBER:
	case CONFIG_BOOL:
	case CONFIG_LEVEL:
	case CONFIG_FORMAT:
		break;
	}
}
