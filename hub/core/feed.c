#include <belfry/core/feed.h>

#include "core/doc.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>
#include <belfry/core/jid.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ITEMS_DEFAULT 1000
#define MAX_ITEMS_MAX 1000000
#define MAX_AGE_DEFAULT (30 * 24 * 3600)
#define MAX_AGE_MAX 3153600000 /* a hundred years */
#define WEIGHT_DEFAULT 10
#define WEIGHT_MAX 100
#define NAME_SHOWN_MAX 64 /* bytes of a stranger's member name in an error */

static const char *const access_texts[] = {
	[ACCESS_OPEN] = "open",
	[ACCESS_LOCAL] = "local",
	[ACCESS_WHITELIST] = "whitelist",
};

bool feed_name_valid(const char *s, size_t len)
{
	if (len == 0 || len > FEED_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!(s[i] >= 'a' && s[i] <= 'z') && !(s[i] >= '0' && s[i] <= '9') &&
		    s[i] != '.' && s[i] != '_' && s[i] != '-')
			return false;
	/* HTTP clients resolve these two away in a path: RFC 3986 5.2.4. */
	return !text_is(s, len, ".") && !text_is(s, len, "..");
}

bool feed_name_reserved(const char *name)
{
	static const char *const reserved[] = {"hub", "help", "admin", "abuse"};

	for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
		if (strcmp(name, reserved[i]) == 0)
			return true;
	return false;
}

void feed_config_init(struct feed_config *c)
{
	*c = (struct feed_config){
		.access = ACCESS_LOCAL,
		.max_items = MAX_ITEMS_DEFAULT,
		.max_age_s = MAX_AGE_DEFAULT,
		.weight = WEIGHT_DEFAULT,
	};
}

static void free_list(char **list)
{
	for (char **s = list; s && *s; s++)
		free(*s);
	free(list);
}

void feed_config_free(struct feed_config *c)
{
	free(c->title);
	free(c->description);
	free_list(c->whitelist);
	*c = (struct feed_config){0};
}

static char **copy_list(char *const *list)
{
	size_t count = 0;

	if (!list)
		return NULL;
	while (list[count])
		count++;
	char **copy = xcalloc(count + 1, sizeof *copy);
	for (size_t i = 0; i < count; i++)
		copy[i] = xstrdup(list[i]);
	return copy;
}

static void config_copy(struct feed_config *to, const struct feed_config *from)
{
	*to = *from;
	to->title = from->title ? xstrdup(from->title) : NULL;
	to->description = from->description ? xstrdup(from->description) : NULL;
	to->whitelist = copy_list(from->whitelist);
}

struct why {
	char *text;
	size_t size;
};

/* Takes a text of at most MAX bytes; line breaks and TAB only where LINES. */
static int take_text(char **to, const json_t *v, const char *name, size_t max, bool lines,
		     struct why *why)
{
	char *text = NULL;

	if (!json_is_null(v)) {
		if (!json_is_string(v)) {
			snprintf(why->text, why->size, "%s must be a string, it is %s",
				 name, doc_type_text(v));
			return -1;
		}
		const char *s = json_string_value(v);
		size_t len = json_string_length(v);
		if (len > max) {
			snprintf(why->text, why->size,
				 "%s must be at most %zu bytes long, it is %zu", name,
				 max, len);
			return -1;
		}
		for (size_t i = 0; i < len; i++) {
			unsigned char c = (unsigned char)s[i];
			if ((c < 0x20 && !(lines && (c == '\n' || c == '\t'))) ||
			    c == 0x7f) {
				snprintf(why->text, why->size,
					 "%s must not contain control characters", name);
				return -1;
			}
		}
		text = xmemdup0(s, len);
	}
	free(*to);
	*to = text;
	return 0;
}

static int take_title(struct feed_config *c, const json_t *v, struct why *why)
{
	return take_text(&c->title, v, "title", FEED_TITLE_MAX, false, why);
}

static int take_description(struct feed_config *c, const json_t *v, struct why *why)
{
	return take_text(&c->description, v, "description", FEED_DESCRIPTION_MAX, true,
			 why);
}

static int take_access(struct feed_config *c, const json_t *v, struct why *why)
{
	if (json_is_null(v)) {
		c->access = ACCESS_LOCAL;
		return 0;
	}
	for (size_t i = 0; i < sizeof access_texts / sizeof access_texts[0]; i++) {
		if (json_is_string(v) &&
		    strcmp(json_string_value(v), access_texts[i]) == 0) {
			c->access = (enum feed_access)i;
			return 0;
		}
	}
	snprintf(why->text, why->size,
		 "access must be \"open\", \"local\" or \"whitelist\"");
	return -1;
}

/* A normalized bare JID or domain, malloc'ed; or NULL and WHY. */
static char *whitelist_entry(const json_t *v, size_t i, struct why *why)
{
	const char *wrong = NULL;

	if (!json_is_string(v)) {
		snprintf(why->text, why->size,
			 "whitelist[%zu] must be a string, it is %s", i,
			 doc_type_text(v));
		return NULL;
	}
	char *jid = jid_normalize(json_string_value(v), json_string_length(v), &wrong);
	if (jid && jid_has_resource(jid)) {
		free(jid);
		jid = NULL;
		wrong = "leave out the / and what is behind it";
	}
	if (!jid)
		snprintf(why->text, why->size,
			 "whitelist[%zu] is not a bare JID or a domain: %s", i, wrong);
	return jid;
}

static int take_whitelist(struct feed_config *c, const json_t *v, struct why *why)
{
	size_t count = json_array_size(v);
	char **list = NULL;

	if (!json_is_null(v) && !json_is_array(v)) {
		snprintf(why->text, why->size,
			 "whitelist must be an array of JIDs and domains, it is %s",
			 doc_type_text(v));
		return -1;
	}
	if (count > FEED_WHITELIST_MAX) {
		snprintf(why->text, why->size,
			 "whitelist must have at most %d entries, it has %zu",
			 FEED_WHITELIST_MAX, count);
		return -1;
	}
	if (count)
		list = xcalloc(count + 1, sizeof *list);
	for (size_t i = 0; i < count; i++) {
		list[i] = whitelist_entry(json_array_get(v, i), i, why);
		if (!list[i]) {
			free_list(list);
			return -1;
		}
	}
	free_list(c->whitelist);
	c->whitelist = list;
	return 0;
}

struct number {
	const char *name;
	uint64_t min, max, standard;
};

static int take_number(uint64_t *to, const json_t *v, const struct number *n,
		       struct why *why)
{
	json_int_t i = json_integer_value(v);

	if (json_is_null(v)) {
		*to = n->standard;
		return 0;
	}
	if (!json_is_integer(v) || i < 0 || (uint64_t)i < n->min ||
	    (uint64_t)i > n->max) {
		snprintf(why->text, why->size,
			 "%s must be a whole number from %llu to %llu", n->name,
			 (unsigned long long)n->min, (unsigned long long)n->max);
		return -1;
	}
	*to = (uint64_t)i;
	return 0;
}

static int take_max_items(struct feed_config *c, const json_t *v, struct why *why)
{
	static const struct number n = {"max_items", 1, MAX_ITEMS_MAX, MAX_ITEMS_DEFAULT};

	return take_number(&c->max_items, v, &n, why);
}

static int take_max_age(struct feed_config *c, const json_t *v, struct why *why)
{
	static const struct number n = {"max_age", 0, MAX_AGE_MAX, MAX_AGE_DEFAULT};

	return take_number(&c->max_age_s, v, &n, why);
}

static int take_weight(struct feed_config *c, const json_t *v, struct why *why)
{
	static const struct number n = {"weight", 1, WEIGHT_MAX, WEIGHT_DEFAULT};
	uint64_t weight = 0;

	if (take_number(&weight, v, &n, why))
		return -1;
	c->weight = (unsigned)weight;
	return 0;
}

static const struct {
	const char *name;
	int (*take)(struct feed_config *c, const json_t *v, struct why *why);
} members[] = {
	{"title", take_title},	       {"description", take_description},
	{"access", take_access},       {"whitelist", take_whitelist},
	{"max_items", take_max_items}, {"max_age", take_max_age},
	{"weight", take_weight},
};
#define MEMBERS (sizeof members / sizeof members[0])

static int take_member(struct feed_config *c, const char *name, const json_t *v,
		       struct why *why)
{
	for (size_t i = 0; i < MEMBERS; i++)
		if (strcmp(name, members[i].name) == 0)
			return members[i].take(c, v, why);
	snprintf(why->text, why->size,
		 "unknown member \"%.*s\": a feed has title, description, access, "
		 "whitelist, max_items, max_age and weight",
		 (int)utf8_cut(name, strlen(name), NAME_SHOWN_MAX), name);
	return -1;
}

int feed_config_patch(struct feed_config *c, const char *json, size_t len, char *why,
		      size_t why_size)
{
	struct why reason = {why, why_size};
	struct feed_config patched;
	const char *name;
	json_t *v;

	json_t *root = doc_load(json, len, 0, why, why_size);
	if (!root)
		return -1;
	config_copy(&patched, c);
	json_object_foreach(root, name, v)
	{
		if (take_member(&patched, name, v, &reason)) {
			feed_config_free(&patched);
			json_decref(root);
			return -1;
		}
	}
	json_decref(root);
	feed_config_free(c);
	*c = patched;
	return 0;
}

static void add_text(struct buf *out, const char *text)
{
	if (text)
		doc_quote(out, text, strlen(text));
	else
		buf_adds(out, "null");
}

char *feed_config_json(const struct feed_config *c)
{
	struct buf out = {0};

	buf_adds(&out, "{\"title\":");
	add_text(&out, c->title);
	buf_adds(&out, ",\"description\":");
	add_text(&out, c->description);
	buf_printf(&out, ",\"access\":\"%s\",\"whitelist\":[", access_texts[c->access]);
	for (size_t i = 0; c->whitelist && c->whitelist[i]; i++) {
		if (i)
			buf_addc(&out, ',');
		add_text(&out, c->whitelist[i]);
	}
	buf_printf(&out, "],\"max_items\":%llu,\"max_age\":%llu,\"weight\":%u}",
		   (unsigned long long)c->max_items, (unsigned long long)c->max_age_s,
		   c->weight);
	return buf_steal(&out);
}

bool feed_allows(const struct feed_config *c, const char *jid, char *const *own_domains)
{
	switch (c->access) {
	case ACCESS_OPEN:
		return true;
	case ACCESS_LOCAL:
		return jid_domain_in(jid, own_domains);
	case ACCESS_WHITELIST:
		for (char **entry = c->whitelist; entry && *entry; entry++)
			if (jid_matches(jid, *entry))
				return true;
		return false;
	}
	return false;
}
