#include <belfry/core/config.h>

#include "core/config_table.h"
#include "core/doc.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>
#include <belfry/core/jid.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX 65536
#define SYNTAX_ERRORS_MAX 20 /* then the file is something else altogether */
#define NAME_SHOWN_MAX 64

/* What was set for a key, and where: "belfry.ini:3: http.listen". Both malloc'ed. */
struct setting {
	char *value, *where;
};

struct loading {
	const char *name; /* of the file */
	char *text;	  /* the file; a line that is wrong is made a comment */
	size_t len, at;	  /* the reader stands at text + at, which is in LINE */
	int line;
	const char *exposed;	  /* as of config_exposed() */
	bool for_store;		  /* xmpp.secret is not wanted */
	struct setting *settings; /* one a key of the table */
	struct buf *problems, *warnings;
};

static void set(struct loading *l, size_t key, const char *where, const char *value)
{
	struct setting *s = &l->settings[key];

	free(s->value);
	free(s->where);
	s->value = xstrdup(value);
	s->where = xstrdup(where);
}

/* ---- The file -------------------------------------------------------------------- */

static void restart(struct loading *l)
{
	l->at = 0;
	l->line = 0;
}

/*
 * inih's reader, called once a line. Leading blanks go, since inih would take such a line
 * for more of the value above; a line too long for inih, which would break it in two, is
 * reported and made a comment.
 */
static char *next_line(char *out, int size, void *arg)
{
	struct loading *l = arg;
	char *line = l->text + l->at;
	size_t room = (size_t)size - 2; /* line feed, NUL */

	if (l->at >= l->len)
		return NULL;
	char *end = memchr(line, '\n', l->len - l->at);
	size_t len = end ? (size_t)(end - line) : l->len - l->at;
	l->at += len + 1;
	l->line++;
	while (len && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	if (len && (*line == '#' || *line == ';'))
		len = 0;
	if (len > room) {
		buf_printf(l->problems, "%s:%d: the line is longer than %zu bytes\n",
			   l->name, l->line, room);
		*line = '#';
		len = 0;
	}
	memcpy(out, line, len);
	memcpy(out + len, "\n", 2);
	return out;
}

static int ignore_value(void *arg, const char *section, const char *name,
			const char *value)
{
	(void)arg, (void)section, (void)name, (void)value;
	return 1;
}

static void make_comment(struct loading *l, int number)
{
	size_t at = 0;

	while (--number > 0)
		at += strcspn(l->text + at, "\n") + 1;
	at += strspn(l->text + at, " \t");
	l->text[at] = '#';
}

/* inih tells of the first error only: so again, without that line. */
static void check_syntax(struct loading *l)
{
	for (int errors = 0; errors < SYNTAX_ERRORS_MAX; errors++) {
		restart(l);
		int line = ini_parse_stream(next_line, l, ignore_value, NULL);
		if (line <= 0)
			return;
		buf_printf(
			l->problems,
			"%s:%d: this is neither [section] nor key = value nor # comment\n",
			l->name, line);
		make_comment(l, line);
	}
}

static void say_unknown(struct buf *out, const char *where, const char *name,
			const char *meant)
{
	size_t len = utf8_cut(name, strlen(name), NAME_SHOWN_MAX);

	buf_printf(out, "%s: unknown key %.*s", where, (int)len, name);
	if (meant)
		buf_printf(out, ": did you mean %s?\n", meant);
	else
		buf_adds(out, ": `belfry config` shows all there are\n");
}

static void warn_exposed(struct loading *l, const struct config_source *src)
{
	bool url = src->key->type == CONFIG_URL;

	if (l->exposed && config_value_secret(src))
		buf_printf(
			l->warnings,
			"%s: others on this machine can read this secret: chmod %s the "
			"file, or use %s\n",
			src->where, l->exposed,
			url ? "redis.password_file" : "xmpp.secret_file");
}

static int take_value(void *arg, const char *section, const char *name, const char *value)
{
	struct loading *l = arg;
	struct buf full = {0}, where = {0};
	size_t key = 0;

	buf_printf(&full, "%s%s%s", section, *section ? "." : "", name);
	buf_printf(&where, "%s:%d", l->name, l->line);
	while (key < config_key_count && strcmp(config_keys[key].name, full.data) != 0)
		key++;
	if (key == config_key_count) {
		const struct config_key *near = config_nearest(full.data);
		say_unknown(l->problems, where.data, full.data, near ? near->name : NULL);
	} else if (l->settings[key].value) {
		buf_printf(l->problems, "%s: %s stands there twice: keep one\n",
			   where.data, full.data);
	} else {
		buf_printf(&where, ": %s", full.data);
		set(l, key, where.data, value);
		warn_exposed(
			l, &(struct config_source){&config_keys[key], where.data, value});
	}
	buf_free(&full);
	buf_free(&where);
	return 1;
}

static void take_file(struct loading *l, const char *text, size_t len)
{
	char why[DOC_WHY_SIZE];

	if (doc_check_text(text, len, "the file", why, sizeof why)) {
		buf_printf(l->problems, "%s: %s\n", l->name, why);
		return;
	}
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < 0x20 && !strchr("\t\r\n", text[i])) {
			buf_printf(l->problems,
				   "%s: there is a control character at byte %zu\n",
				   l->name, i);
			return;
		}
	}
	l->text = xmemdup0(text, len);
	l->len = len;
	check_syntax(l);
	restart(l);
	ini_parse_stream(next_line, l, take_value, l);
	free(l->text);
}

/* ---- The environment ------------------------------------------------------------- */

/* For a suggestion: BELFRY_HTTP_LISTNE is near "http.listen". */
static void warn_unknown_variable(struct loading *l, const char *name)
{
	char env[CONFIG_ENV_SIZE], guess[NAME_SHOWN_MAX];
	size_t prefix = strlen("BELFRY_");

	snprintf(guess, sizeof guess, "%s", name + prefix);
	for (char *c = guess; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	char *underscore = strchr(guess, '_');
	if (underscore)
		*underscore = '.';
	const struct config_key *near = config_nearest(guess);
	if (near)
		config_env_name(near, env);
	say_unknown(l->warnings, "environment", name, near ? env : NULL);
}

static bool one_line(const char *s)
{
	size_t len = strlen(s);

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return false;
	return utf8_valid(s, len);
}

static void take_variable(struct loading *l, const char *name, const char *value)
{
	char env[CONFIG_ENV_SIZE];

	for (size_t key = 0; key < config_key_count; key++) {
		config_env_name(&config_keys[key], env);
		if (strcmp(env, name) != 0)
			continue;
		if (one_line(value))
			set(l, key, name, value);
		else
			buf_printf(
				l->problems,
				"%s must be one line of UTF-8 without control characters\n",
				name);
		return;
	}
	if (strcmp(name, "BELFRY_CONFIG") != 0 && one_line(name))
		warn_unknown_variable(l, name);
}

static void take_environment(struct loading *l, char *const *environ_)
{
	for (; environ_ && *environ_; environ_++) {
		const char *equals = strchr(*environ_, '=');
		if (strncmp(*environ_, "BELFRY_", strlen("BELFRY_")) != 0 || !equals)
			continue;
		char *name = xmemdup0(*environ_, (size_t)(equals - *environ_));
		take_variable(l, name, equals + 1);
		free(name);
	}
}

/* ---- The whole ------------------------------------------------------------------- */

/* An empty value is the default, but for an empty list, which is one. */
static bool is_set(const struct loading *l, size_t key)
{
	const char *value = l->settings[key].value;

	return value && (*value || config_keys[key].type == CONFIG_DOMAINS);
}

static void read_values(struct loading *l, struct config *c)
{
	for (size_t key = 0; key < config_key_count; key++) {
		struct config_source src = {&config_keys[key], "default",
					    config_keys[key].standard};
		if (is_set(l, key)) {
			src.where = l->settings[key].where;
			src.value = l->settings[key].value;
		}
		if (l->for_store &&
		    src.key->offset == offsetof(struct config, xmpp.secret))
			continue;
		if (src.value)
			config_value_read(c, &src, l->problems, l->warnings);
	}
}

/* A secret and a file with one share a place in the configuration: which of them? */
static void check_conflicts(struct loading *l)
{
	for (size_t a = 0; a < config_key_count; a++)
		for (size_t b = a + 1; b < config_key_count; b++)
			if (config_keys[a].offset == config_keys[b].offset &&
			    is_set(l, a) && is_set(l, b))
				buf_printf(l->problems,
					   "%s: %s and %s are both set: keep one\n",
					   l->settings[b].where, config_keys[a].name,
					   config_keys[b].name);
}

/* A component's users are those of the server around it: example.org for
 * feeds.example.org. */
static void trust_parent(struct config *c)
{
	const char *dot = c->xmpp.domain ? strchr(c->xmpp.domain, '.') : NULL;
	bool address = c->xmpp.domain &&
		       strspn(c->xmpp.domain, "0123456789.") == strlen(c->xmpp.domain);

	if (c->xmpp.trusted_domains)
		return;
	c->xmpp.trusted_domains = xcalloc(2, sizeof *c->xmpp.trusted_domains);
	if (dot && c->xmpp.domain[0] != '[' && !address)
		c->xmpp.trusted_domains[0] = xstrdup(dot + 1);
}

/* Its users are those of the domain around it. */
static void check_multicast(struct loading *l, const struct config *c)
{
	const char *service = c->xmpp.multicast;

	if (!service)
		return;
	if (!strchr(service, '.') || *service == '[')
		buf_printf(l->problems,
			   "xmpp.multicast: %s is not below the domain of its users, as "
			   "multicast.example.org is\n",
			   service);
	else if (c->xmpp.domain && strcmp(service, c->xmpp.domain) == 0)
		buf_adds(l->problems,
			 "xmpp.multicast: that is xmpp.domain, our own name; leave it "
			 "out, or name the server's multicast service\n");
}

static void check_sentinel_user(struct loading *l, const struct config *c)
{
	if (c->redis.sentinel_user && !c->redis.sentinel_password)
		buf_adds(l->problems,
			 "redis.sentinel_user: a user without a password is not asked "
			 "for: set redis.sentinel_password_file, too\n");
}

static struct config *load(struct loading *l, const char *text, size_t len,
			   char *const *environ_)
{
	struct config *c = xcalloc(1, sizeof *c);
	size_t problems_before = l->problems->len;

	l->settings = xcalloc(config_key_count, sizeof *l->settings);
	if (text)
		take_file(l, text, len);
	take_environment(l, environ_);
	check_conflicts(l);
	read_values(l, c);
	trust_parent(c);
	check_multicast(l, c);
	check_sentinel_user(l, c);
	for (size_t key = 0; key < config_key_count; key++) {
		free(l->settings[key].value);
		free(l->settings[key].where);
	}
	free(l->settings);
	if (l->problems->len == problems_before)
		return c;
	config_free(c);
	return NULL;
}

struct config *config_load_text(const char *name, const char *text, size_t len,
				char *const *environ_, struct buf *problems,
				struct buf *warnings)
{
	struct loading l = {.name = name, .problems = problems, .warnings = warnings};

	return load(&l, text, len, environ_);
}

/* The file PATH; NULL, and a line in problems, if it cannot be read. */
static char *read_file(struct loading *l, const char *path, size_t *len)
{
	struct stat st;
	int why = 0, fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = fd < 0 ? NULL : config_read_fd(fd, FILE_MAX, len, &why);

	if (fd < 0)
		why = errno;
	if (!text)
		buf_printf(l->problems, "%s: cannot read it: %s\n", path,
			   why ? strerror(why) : "it is larger than 64 KiB");
	if (fd >= 0 && !fstat(fd, &st))
		l->exposed = config_exposed(&st);
	if (fd >= 0)
		close(fd);
	return text;
}

static struct config *load_file(struct loading *l, const char *path,
				char *const *environ_)
{
	size_t len = 0;

	l->name = path ? path : "";
	if (!path)
		return load(l, NULL, 0, environ_);
	char *text = read_file(l, path, &len);
	struct config *c = text ? load(l, text, len, environ_) : NULL;
	free(text);
	return c;
}

struct config *config_load(const char *path, char *const *environ_, struct buf *problems,
			   struct buf *warnings)
{
	struct loading l = {.problems = problems, .warnings = warnings};

	return load_file(&l, path, environ_);
}

struct config *config_load_for_store(const char *path, char *const *environ_,
				     struct buf *problems, struct buf *warnings)
{
	struct loading l = {
		.problems = problems, .warnings = warnings, .for_store = true};

	return load_file(&l, path, environ_);
}

void config_free(struct config *c)
{
	if (!c)
		return;
	for (size_t key = 0; key < config_key_count; key++)
		config_value_free(c, &config_keys[key]);
	free(c);
}

/* HELP as comment lines. */
static void add_help(struct buf *out, const char *help)
{
	while (*help) {
		size_t len = strcspn(help, "\n");
		buf_printf(out, "# %.*s\n", (int)len, help);
		help += len + (help[len] == '\n');
	}
}

static void add_key(struct buf *out, const struct config_key *key, const char *name)
{
	char env[CONFIG_ENV_SIZE];

	config_env_name(key, env);
	add_help(out, key->help);
	if (key->type == CONFIG_NUMBER)
		buf_printf(out, "# %llu to %llu; %s\n", (unsigned long long)key->min,
			   (unsigned long long)key->max, env);
	else
		buf_printf(out, "# %s\n", env);
	if (key->standard)
		buf_printf(out, "%s = %s\n", name, key->standard);
	else
		buf_printf(out, ";%s =\n", name);
}

void config_template(struct buf *out)
{
	const char *section = "";

	buf_adds(out,
		 "# The configuration of Belfry. Every key can be set in the\n"
		 "# environment as well, under the name that stands above it, which\n"
		 "# wins. A semicolon behind a blank begins a comment.\n");
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];
		size_t len = strcspn(key->name, ".");
		if (strncmp(section, key->name, len + 1) != 0)
			buf_printf(out, "\n[%.*s]\n", (int)len, key->name);
		else
			buf_addc(out, '\n');
		section = key->name;
		add_key(out, key, key->name + len + 1);
	}
}
