#include <belfry/core/event.h>

#include "core/doc.h"
#include "core/doc_quick.h"
#include "core/event_int.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const priorities[] = {
	[PRIORITY_LOW] = "low",
	[PRIORITY_NORMAL] = "normal",
	[PRIORITY_HIGH] = "high",
	[PRIORITY_URGENT] = "urgent",
};
#define PRIORITIES (sizeof priorities / sizeof priorities[0])
#define MEMBERS (sizeof members / sizeof members[0])

const char *priority_text(enum event_priority p)
{
	return (size_t)p < PRIORITIES ? priorities[p] : "normal";
}

int priority_parse(const char *s, size_t len, enum event_priority *out)
{
	for (size_t i = 0; i < PRIORITIES; i++) {
		if (text_is(s, len, priorities[i])) {
			*out = (enum event_priority)i;
			return 0;
		}
	}
	return -1;
}

void event_free(struct event *e)
{
	char **strings[] = {&e->item,	&e->title, &e->body, &e->url,
			    &e->author, &e->image, &e->doc};

	for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++)
		free(*strings[i]);
	for (char **tag = e->tags; tag && *tag; tag++)
		free(*tag);
	free(e->tags);
	*e = (struct event){0};
}

/* Each checks one string and returns what is wrong with it, or NULL. */
typedef const char *(*check_fn)(const char *s, size_t len);

/* Control characters (C0, DEL, C1) and those that XML cannot carry; SPACE: blanks too. */
static bool has_control(const char *s, size_t len, bool space)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		unsigned char next = i + 1 < len ? (unsigned char)s[i + 1] : 0;
		unsigned char third = i + 2 < len ? (unsigned char)s[i + 2] : 0;
		if (c < 0x20 || c == 0x7f || (space && c == ' '))
			return true;
		if (c == 0xc2 && next < 0xa0)
			return true;
		if (c == 0xef && next == 0xbf && third >= 0xbe)
			return true;
	}
	return false;
}

static const char *check_item(const char *s, size_t len)
{
	if (len == 0 || len > EVENT_ITEM_MAX)
		return "must be 1 to 255 bytes long";
	if (has_control(s, len, false))
		return "must not contain control characters";
	return NULL;
}

static bool has_scheme(const char *s, size_t len, const char *scheme)
{
	size_t n = strlen(scheme);

	return len > n && strncasecmp(s, scheme, n) == 0;
}

static const char *check_scheme_rest(const char *s, size_t len)
{
	if (has_control(s, len, true))
		return "must not contain white space or control characters: "
		       "percent-encode them";
	return NULL;
}

static const char *check_image(const char *s, size_t len)
{
	if (!has_scheme(s, len, "http://") && !has_scheme(s, len, "https://"))
		return "must begin with http:// or https://";
	return check_scheme_rest(s, len);
}

static const char *check_url(const char *s, size_t len)
{
	if (!has_scheme(s, len, "http://") && !has_scheme(s, len, "https://") &&
	    !has_scheme(s, len, "xmpp:"))
		return "must begin with http://, https:// or xmpp:";
	return check_scheme_rest(s, len);
}

/* The members that are strings. */
static const struct {
	const char *name;
	size_t offset;
	check_fn check; /* NULL: any text will do */
} members[] = {
	{"item", offsetof(struct event, item), check_item},
	{"title", offsetof(struct event, title), NULL},
	{"body", offsetof(struct event, body), NULL},
	{"url", offsetof(struct event, url), check_url},
	{"author", offsetof(struct event, author), NULL},
	{"image", offsetof(struct event, image), check_image},
};

struct why {
	char *text;
	size_t size;
};

static int take_string(struct event *e, size_t member, const json_t *v, struct why *why)
{
	const char *name = members[member].name, *wrong = NULL;

	if (!v || json_is_null(v))
		return 0;
	if (!json_is_string(v)) {
		snprintf(why->text, why->size, "%s must be a string, it is %s", name,
			 doc_type_text(v));
		return -1;
	}
	const char *s = json_string_value(v);
	size_t len = json_string_length(v);
	if (members[member].check)
		wrong = members[member].check(s, len);
	if (wrong) {
		snprintf(why->text, why->size, "%s %s", name, wrong);
		return -1;
	}
	*(char **)((char *)e + members[member].offset) = xmemdup0(s, len);
	return 0;
}

static int take_tags(struct event *e, const json_t *v, struct why *why)
{
	if (!v || json_is_null(v))
		return 0;
	if (!json_is_array(v)) {
		snprintf(why->text, why->size,
			 "tags must be an array of strings, it is %s", doc_type_text(v));
		return -1;
	}
	size_t count = json_array_size(v);
	if (count > EVENT_TAGS_MAX) {
		snprintf(why->text, why->size, "tags must be at most %d, there are %zu",
			 EVENT_TAGS_MAX, count);
		return -1;
	}
	e->tags = xcalloc(count + 1, sizeof *e->tags);
	for (size_t i = 0; i < count; i++) {
		const json_t *tag = json_array_get(v, i);
		if (!json_is_string(tag)) {
			snprintf(why->text, why->size,
				 "tags[%zu] must be a string, it is %s", i,
				 doc_type_text(tag));
			return -1;
		}
		e->tags[i] = xmemdup0(json_string_value(tag), json_string_length(tag));
	}
	return 0;
}

static int take_priority(struct event *e, const json_t *v, struct why *why)
{
	if (!v || json_is_null(v))
		return 0;
	if (json_is_string(v) && priority_parse(json_string_value(v),
						json_string_length(v), &e->priority) == 0)
		return 0;
	snprintf(why->text, why->size,
		 "priority must be \"low\", \"normal\", \"high\" or \"urgent\"");
	return -1;
}

/* The members that are moments. */
static const struct {
	const char *name;
	size_t offset;
	struct when (*parse)(const char *s, size_t len);
} moments[] = {
	{"deliver_at", offsetof(struct event, deliver), when_at},
	{"delay", offsetof(struct event, deliver), when_in},
	{"expires_at", offsetof(struct event, expires), when_at},
};
#define MOMENTS (sizeof moments / sizeof moments[0])

static void set_moment(struct event *e, size_t moment, struct when w)
{
	struct when *at = (struct when *)((char *)e + moments[moment].offset);

	if (at->kind != WHEN_NONE)
		w.kind = WHEN_WRONG;
	*at = w;
}

/* Seconds may be a number. */
static struct when moment_of(size_t moment, const json_t *v)
{
	char digits[24];
	double n = json_number_value(v);
	bool whole = json_is_number(v) && n >= 0 && n <= (double)WHEN_IN_MAX_MS &&
		     n == (double)(uint64_t)n;

	if (json_is_string(v))
		return moments[moment].parse(json_string_value(v), json_string_length(v));
	if (!whole)
		return (struct when){.kind = WHEN_WRONG};
	int len = snprintf(digits, sizeof digits, "%.0f", n);
	return moments[moment].parse(digits, (size_t)len);
}

static void take_moments(struct event *e, const json_t *root)
{
	for (size_t i = 0; i < MOMENTS; i++) {
		const json_t *v = json_object_get(root, moments[i].name);
		if (v && !json_is_null(v))
			set_moment(e, i, moment_of(i, v));
	}
}

static int take_members(struct event *e, const json_t *root, struct why *why)
{
	for (size_t i = 0; i < MEMBERS; i++)
		if (take_string(e, i, json_object_get(root, members[i].name), why))
			return -1;
	if (take_tags(e, json_object_get(root, "tags"), why))
		return -1;
	take_moments(e, root);
	return take_priority(e, json_object_get(root, "priority"), why);
}

/* A byte order mark in front is what some editors leave: not part of the text. */
static void skip_bom(const char **s, size_t *len)
{
	if (*len >= 3 && memcmp(*s, "\xef\xbb\xbf", 3) == 0) {
		*s += 3;
		*len -= 3;
	}
}

static bool json_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void keep_document(struct event *e, const char *json, size_t len,
			  const struct doc_scan *scan)
{
	while (len && json_space(json[0])) {
		json++;
		len--;
	}
	while (len && json_space(json[len - 1]))
		len--;
	if (!scan->noncharacters) {
		e->doc = xmemdup0(json, len);
		e->doc_len = len;
		return;
	}
	struct buf doc = {0};
	buf_reserve(&doc, len + 3 * scan->noncharacters);
	doc_escape_noncharacters(&doc, json, len);
	e->doc_len = doc.len;
	e->doc = buf_steal(&doc);
}

/* ---- the quick way -------------------------------------------------------------- */

static bool quick_string(struct event *e, size_t member, const struct quick_member *m)
{
	size_t len;
	char *s;

	if (m->value[0] != '"')
		return false;
	s = doc_unquote(m->value, m->value_len, &len);
	*(char **)((char *)e + members[member].offset) = s;
	return !members[member].check || !members[member].check(s, len);
}

static bool quick_tags(struct event *e, const struct quick_member *m)
{
	const char *at = m->value, *text;
	size_t len, count = 0;
	int more;

	if (*at != '[')
		return false;
	e->tags = xcalloc(EVENT_TAGS_MAX + 1, sizeof *e->tags);
	while ((more = doc_next_string(&at, &text, &len)) > 0) {
		if (count == EVENT_TAGS_MAX)
			return false;
		e->tags[count++] = doc_unquote(text, len, &len);
	}
	return more == 0;
}

static bool all_digits(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return true;
}

/* What is neither a string nor whole seconds is left to the other way. */
static bool quick_moment(struct event *e, size_t moment, const struct quick_member *m)
{
	struct when w;
	size_t len;

	if (m->value[0] != '"') {
		if (!all_digits(m->value, m->value_len))
			return false;
		w = moments[moment].parse(m->value, m->value_len);
	} else {
		char *s = doc_unquote(m->value, m->value_len, &len);
		w = moments[moment].parse(s, len);
		free(s);
	}
	set_moment(e, moment, w);
	return true;
}

static bool quick_member(void *arg, const struct quick_member *m)
{
	struct event *e = arg;

	if (m->value[0] == 'n')
		return true;
	for (size_t i = 0; i < MEMBERS; i++)
		if (text_is(m->name, m->name_len, members[i].name))
			return quick_string(e, i, m);
	if (text_is(m->name, m->name_len, "tags"))
		return quick_tags(e, m);
	for (size_t i = 0; i < MOMENTS; i++)
		if (text_is(m->name, m->name_len, moments[i].name))
			return quick_moment(e, i, m);
	if (!text_is(m->name, m->name_len, "priority"))
		return true;
	return m->value[0] == '"' &&
	       !priority_parse(m->value + 1, m->value_len - 2, &e->priority);
}

bool event_parse_quick(struct event *e, const char *json, size_t len)
{
	static const struct doc_scan scan = {0};

	*e = (struct event){.priority = PRIORITY_NORMAL};
	if (!doc_quick(json, len, quick_member, e)) {
		event_free(e);
		return false;
	}
	keep_document(e, json, len, &scan);
	return true;
}

/* ---- the careful way ------------------------------------------------------------ */

int event_parse_careful(struct event *e, const char *json, size_t len, char *why,
			size_t why_size)
{
	struct doc_scan scan = {0};
	struct why reason = {why, why_size};

	*e = (struct event){.priority = PRIORITY_NORMAL};
	/* As reals, integers of any size pass: the hub never looks at them. */
	json_t *root = doc_load_scanned(json, len, JSON_DECODE_INT_AS_REAL, &scan, why,
					why_size);
	int rc = root ? take_members(e, root, &reason) : -1;
	json_decref(root);
	if (rc) {
		event_free(e);
		return -1;
	}
	keep_document(e, json, len, &scan);
	return 0;
}

int event_parse_json(struct event *e, const char *json, size_t len, char *why,
		     size_t why_size)
{
	skip_bom(&json, &len);
	return event_parse_quick(e, json, len)
		       ? 0
		       : event_parse_careful(e, json, len, why, why_size);
}

/* A malloc'ed copy with LF for CRLF and for a lone CR; *out_len is its length. */
static char *unify_newlines(const char *s, size_t len, size_t *out_len)
{
	char *out = xmalloc(len + 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (s[i] != '\r')
			out[n++] = s[i];
		else if (i + 1 == len || s[i + 1] != '\n')
			out[n++] = '\n';
	}
	out[n] = '\0';
	*out_len = n;
	return out;
}

int event_parse_text(struct event *e, const char *text, size_t len, char *why,
		     size_t why_size)
{
	struct buf doc = {0};
	size_t body_len;

	*e = (struct event){.priority = PRIORITY_NORMAL};
	skip_bom(&text, &len);
	if (doc_check_text(text, len, "the text", why, why_size))
		return -1;
	char *body = unify_newlines(text, len, &body_len);
	if (strspn(body, " \t\n") == body_len) {
		snprintf(why, why_size, "the text is empty");
		free(body);
		return -1;
	}
	e->body = body;
	buf_adds(&doc, "{\"body\":");
	doc_quote(&doc, body, body_len);
	buf_addc(&doc, '}');
	e->doc_len = doc.len;
	e->doc = buf_steal(&doc);
	return 0;
}
