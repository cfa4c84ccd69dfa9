#include <belfry/base/buf.h>
#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/base/text.h>

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static struct {
	const char *program;
	enum log_level lowest;
	enum log_format format;
} setup = {.program = "belfry", .lowest = LOG_INFO, .format = LOG_LOGFMT};

static const char *const level_names[] = {
	[LOG_DEBUG] = "debug",
	[LOG_INFO] = "info",
	[LOG_WARN] = "warn",
	[LOG_ERROR] = "error",
};

void log_setup(const char *program, enum log_level lowest, enum log_format format)
{
	setup.program = program;
	setup.lowest = lowest;
	setup.format = format;
}

struct log_field log_s(const char *key, const char *value)
{
	return (struct log_field){.key = key, .type = LOG_F_STR, .s = value};
}

struct log_field log_i(const char *key, int64_t value)
{
	return (struct log_field){.key = key, .type = LOG_F_INT, .v.i = value};
}

struct log_field log_u(const char *key, uint64_t value)
{
	return (struct log_field){.key = key, .type = LOG_F_UINT, .v.u = value};
}

struct log_field log_d(const char *key, double value)
{
	return (struct log_field){.key = key, .type = LOG_F_DOUBLE, .v.d = value};
}

/* Controls of ASCII and Latin-1, and Unicode's line ends: what a viewer could obey. */
static bool unprintable(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7F && cp < 0xA0) || cp == 0x2028 || cp == 0x2029;
}

static void add_char(struct buf *out, const char *s, size_t n, uint32_t cp)
{
	switch (cp) {
	case '"':
		buf_adds(out, "\\\"");
		return;
	case '\\':
		buf_adds(out, "\\\\");
		return;
	case '\n':
		buf_adds(out, "\\n");
		return;
	case '\r':
		buf_adds(out, "\\r");
		return;
	case '\t':
		buf_adds(out, "\\t");
		return;
	default:
		if (unprintable(cp))
			buf_printf(out, "\\u%04x", (unsigned)cp);
		else
			buf_add(out, s, n);
	}
}

/* A quoted string as both formats write it: the rules of JSON. */
static void add_quoted(struct buf *out, const char *s)
{
	size_t i = 0, n, len = strlen(s);
	uint32_t cp;

	buf_addc(out, '"');
	while (i < len && i < LOG_VALUE_MAX) {
		n = utf8_decode(s + i, len - i, &cp);
		if (n == 0) {
			buf_adds(out, "\\ufffd");
			i++;
			continue;
		}
		add_char(out, s + i, n, cp);
		i += n;
	}
	if (i < len)
		buf_adds(out, "...");
	buf_addc(out, '"');
}

/* Logfmt leaves plain words bare. */
static bool is_word(const char *s)
{
	size_t i;

	for (i = 0; s[i]; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c <= ' ' || c >= 0x7F || strchr("=\"\\", c) || i == LOG_VALUE_MAX)
			return false;
	}
	return i > 0;
}

static void add_string(struct buf *out, const char *s)
{
	bool json = setup.format == LOG_JSON;

	if (s == NULL) {
		if (json)
			buf_adds(out, "null");
	} else if (!json && is_word(s)) {
		buf_adds(out, s);
	} else {
		add_quoted(out, s);
	}
}

static void add_double(struct buf *out, double d)
{
	if (isfinite(d))
		buf_printf(out, "%.6g", d);
	else if (setup.format == LOG_JSON)
		buf_adds(out, "null");
	else
		buf_adds(out, isnan(d) ? "nan" : d > 0 ? "inf" : "-inf");
}

static void add_value(struct buf *out, const struct log_field *f)
{
	switch (f->type) {
	case LOG_F_STR:
		add_string(out, f->s);
		break;
	case LOG_F_INT:
		buf_printf(out, "%" PRId64, f->v.i);
		break;
	case LOG_F_UINT:
		buf_printf(out, "%" PRIu64, f->v.u);
		break;
	case LOG_F_DOUBLE:
		add_double(out, f->v.d);
		break;
	}
}

static void add_field(struct buf *out, const struct log_field *f)
{
	if (setup.format == LOG_JSON) {
		buf_addc(out, out->len ? ',' : '{');
		add_quoted(out, f->key);
		buf_addc(out, ':');
	} else {
		if (out->len)
			buf_addc(out, ' ');
		buf_adds(out, f->key);
		buf_addc(out, '=');
	}
	add_value(out, f);
}

/* A line that cannot be written is lost: there is nobody left to tell. */
static void write_line(const struct buf *line)
{
	size_t done = 0;
	ssize_t n;

	while (done < line->len) {
		n = write(STDERR_FILENO, line->data + done, line->len - done);
		if (n < 0 && errno != EINTR)
			return;
		if (n > 0)
			done += (size_t)n;
	}
}

void log_write(enum log_level level, const char *msg, const struct log_field *fields)
{
	static struct buf line; /* kept, so that a log line seldom allocates */
	char now[CLOCK_TEXT_SIZE];
	const struct log_field head[] = {
		log_s("ts", now),
		log_s("level", level_names[level]),
		log_s("program", setup.program),
		log_s("msg", msg),
	};
	int saved = errno;
	size_t i;

	if (level < setup.lowest)
		return;
	clock_format(clock_wall_ms(), now);
	buf_clear(&line);
	for (i = 0; i < sizeof head / sizeof head[0]; i++)
		add_field(&line, &head[i]);
	for (i = 0; fields[i].key; i++)
		add_field(&line, &fields[i]);
	buf_adds(&line, setup.format == LOG_JSON ? "}\n" : "\n");
	write_line(&line);
	errno = saved;
}
