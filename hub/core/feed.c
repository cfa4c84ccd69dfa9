#include <belfry/core/feed.h>

#include "core/doc.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>
#include <belfry/core/jid.h>
#include <belfry/core/subscription.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ITEMS_DEFAULT 1000
#define MAX_ITEMS_MAX 1000000
#define MAX_AGE_DEFAULT (30 * 24 * 3600)
#define MAX_AGE_MAX 3153600000 /* a hundred years */
#define WEIGHT_DEFAULT 10
#define WEIGHT_MAX 100
#define HASH_SALT 65599	  /* any that spreads */
#define NAME_SHOWN_MAX 64 /* bytes of a stranger's member name in an error */

static const char *const access_texts[] = {
	[ACCESS_OPEN] = "open",
	[ACCESS_LOCAL] = "local",
	[ACCESS_WHITELIST] = "whitelist",
	[ACCESS_AUTHORIZE] = "authorize",
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
	free_list(c->owners);
	free_list(c->outcasts);
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
	to->owners = copy_list(from->owners);
	to->outcasts = copy_list(from->outcasts);
}

struct why {
	char *text;
	size_t size;
};

/* Takes a text of at most MAX bytes, "" being none; line breaks and TAB only where LINES.
 */
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
		text = len ? xmemdup0(s, len) : NULL;
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
		 "access must be \"open\", \"local\", \"whitelist\" or \"authorize\"");
	return -1;
}

/* A list of JIDs. */
struct jids {
	const char *name, *of; /* "an array of ..." */
	size_t max;
	bool domains; /* may stand in it */
};

/* A normalized bare JID or domain, malloc'ed; or NULL and WHY. */
static char *jids_entry(const struct jids *l, const json_t *v, size_t i, struct why *why)
{
	const char *wrong = NULL;

	if (!json_is_string(v)) {
		snprintf(why->text, why->size, "%s[%zu] must be a string, it is %s",
			 l->name, i, doc_type_text(v));
		return NULL;
	}
	char *jid = jid_normalize(json_string_value(v), json_string_length(v), &wrong);
	if (jid && jid_has_resource(jid))
		wrong = "leave out the / and what is behind it";
	else if (jid && !l->domains && !strchr(jid, '@'))
		wrong = "there is no @ in it";
	if (!wrong)
		return jid;
	free(jid);
	snprintf(why->text, why->size, "%s[%zu] is not a bare JID%s: %s", l->name, i,
		 l->domains ? " or a domain" : "", wrong);
	return NULL;
}

static bool in_list(char *const *list, const char *jid)
{
	for (; list && *list; list++)
		if (strcmp(*list, jid) == 0)
			return true;
	return false;
}

/* Adds JID, unless it is there. HASHES: of those that are, in the same order; a long list
 * is read often, and texts that begin alike are slow to compare. */
static void add_once(char **list, uint32_t *hashes, size_t *count, char *jid)
{
	uint32_t hash = row_hash(HASH_SALT, jid, strlen(jid));

	for (size_t i = 0; i < *count; i++) {
		if (hashes[i] == hash && strcmp(list[i], jid) == 0) {
			free(jid);
			return;
		}
	}
	hashes[*count] = hash;
	list[(*count)++] = jid;
}

static int take_jids(char ***to, const json_t *v, const struct jids *l, struct why *why)
{
	size_t given = json_array_size(v), count = 0;
	char **list = NULL;
	uint32_t *hashes = NULL;

	if (!json_is_null(v) && !json_is_array(v)) {
		snprintf(why->text, why->size, "%s must be an array of %s, it is %s",
			 l->name, l->of, doc_type_text(v));
		return -1;
	}
	if (given > l->max) {
		snprintf(why->text, why->size,
			 "%s must have at most %zu entries, it has %zu", l->name, l->max,
			 given);
		return -1;
	}
	if (given) {
		list = xcalloc(given + 1, sizeof *list);
		hashes = xcalloc(given, sizeof *hashes);
	}
	for (size_t i = 0; i < given; i++) {
		char *jid = jids_entry(l, json_array_get(v, i), i, why);
		if (!jid) {
			free_list(list);
			free(hashes);
			return -1;
		}
		add_once(list, hashes, &count, jid);
	}
	free(hashes);
	free_list(*to);
	*to = list;
	return 0;
}

static int take_whitelist(struct feed_config *c, const json_t *v, struct why *why)
{
	static const struct jids l = {"whitelist", "JIDs and domains", FEED_WHITELIST_MAX,
				      true};

	return take_jids(&c->whitelist, v, &l, why);
}

static int take_owners(struct feed_config *c, const json_t *v, struct why *why)
{
	static const struct jids l = {"owners", "JIDs", FEED_OWNERS_MAX, false};

	return take_jids(&c->owners, v, &l, why);
}

static int take_outcasts(struct feed_config *c, const json_t *v, struct why *why)
{
	static const struct jids l = {"outcasts", "JIDs and domains", FEED_OUTCASTS_MAX,
				      true};

	return take_jids(&c->outcasts, v, &l, why);
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

static int take_rate(struct feed_config *c, const json_t *v, struct why *why)
{
	if (json_is_null(v)) {
		c->rate.events = c->rate.period_s = 0;
		return 0;
	}
	if (json_is_string(v) &&
	    !rate_parse(&c->rate, json_string_value(v), json_string_length(v)))
		return 0;
	snprintf(why->text, why->size, "rate must be " RATE_FORM ", as in \"10/s\"");
	return -1;
}

static int take_burst(struct feed_config *c, const json_t *v, struct why *why)
{
	static const struct number n = {"burst", 1, RATE_MAX, 0};
	uint64_t burst = 0;

	if (take_number(&burst, v, &n, why))
		return -1;
	c->rate.burst = (uint32_t)burst;
	return 0;
}

static int take_ack(struct feed_config *c, const json_t *v, struct why *why)
{
	const char *text = json_is_null(v) ? "server" : json_string_value(v);

	c->ack_receipt = text && strcmp(text, "receipt") == 0;
	if (text && (c->ack_receipt || strcmp(text, "server") == 0))
		return 0;
	snprintf(why->text, why->size, "ack must be \"server\" or \"receipt\"");
	return -1;
}

static const struct {
	const char *name;
	int (*take)(struct feed_config *c, const json_t *v, struct why *why);
} members[] = {
	{"title", take_title},	       {"description", take_description},
	{"access", take_access},       {"whitelist", take_whitelist},
	{"owners", take_owners},       {"outcasts", take_outcasts},
	{"max_items", take_max_items}, {"max_age", take_max_age},
	{"weight", take_weight},       {"rate", take_rate},
	{"burst", take_burst},	       {"ack", take_ack},
};
#define MEMBERS (sizeof members / sizeof members[0])

static int take_member(struct feed_config *c, const char *name, const json_t *v,
		       struct why *why)
{
	for (size_t i = 0; i < MEMBERS; i++)
		if (strcmp(name, members[i].name) == 0)
			return members[i].take(c, v, why);
	snprintf(
		why->text, why->size,
		"unknown member \"%.*s\": a feed has title, description, access, "
		"whitelist, owners, outcasts, max_items, max_age, weight, rate, burst and "
		"ack",
		(int)utf8_cut(name, strlen(name), NAME_SHOWN_MAX), name);
	return -1;
}

/* Which of the two would count? */
static int check_owners(const struct feed_config *c, struct why *why)
{
	for (char **owner = c->owners; owner && *owner; owner++) {
		if (!in_list(c->outcasts, *owner))
			continue;
		snprintf(why->text, why->size,
			 "%.*s stands among the owners and the outcasts: leave it out of "
			 "one",
			 (int)utf8_cut(*owner, strlen(*owner), NAME_SHOWN_MAX), *owner);
		return -1;
	}
	return 0;
}

static int take_members(struct feed_config *c, json_t *root, struct why *why)
{
	const char *name;
	json_t *v;

	json_object_foreach(root, name, v)
	{
		if (take_member(c, name, v, why))
			return -1;
	}
	return check_owners(c, why);
}

int feed_config_patch(struct feed_config *c, const char *json, size_t len, char *why,
		      size_t why_size)
{
	struct why reason = {why, why_size};
	struct feed_config patched;

	json_t *root = doc_load(json, len, 0, why, why_size);
	if (!root)
		return -1;
	config_copy(&patched, c);
	int status = take_members(&patched, root, &reason);
	json_decref(root);
	feed_config_free(status ? &patched : c);
	if (!status)
		*c = patched;
	return status;
}

static void add_text(struct buf *out, const char *text)
{
	if (text)
		doc_quote(out, text, strlen(text));
	else
		buf_adds(out, "null");
}

static void add_jids(struct buf *out, const char *name, char *const *list)
{
	buf_printf(out, ",\"%s\":[", name);
	for (size_t i = 0; list && list[i]; i++) {
		if (i)
			buf_addc(out, ',');
		add_text(out, list[i]);
	}
	buf_addc(out, ']');
}

static void add_rate(struct buf *out, const struct rate *r)
{
	char text[RATE_TEXT_SIZE];

	rate_format(r, text);
	buf_adds(out, ",\"rate\":");
	add_text(out, text[0] ? text : NULL);
	if (r->burst)
		buf_printf(out, ",\"burst\":%" PRIu32, r->burst);
	else
		buf_adds(out, ",\"burst\":null");
}

char *feed_config_json(const struct feed_config *c)
{
	struct buf out = {0};

	buf_adds(&out, "{\"title\":");
	add_text(&out, c->title);
	buf_adds(&out, ",\"description\":");
	add_text(&out, c->description);
	buf_printf(&out, ",\"access\":\"%s\"", access_texts[c->access]);
	add_jids(&out, "whitelist", c->whitelist);
	add_jids(&out, "owners", c->owners);
	add_jids(&out, "outcasts", c->outcasts);
	buf_printf(&out, ",\"max_items\":%llu,\"max_age\":%llu,\"weight\":%u",
		   (unsigned long long)c->max_items, (unsigned long long)c->max_age_s,
		   c->weight);
	add_rate(&out, &c->rate);
	buf_printf(&out, ",\"ack\":\"%s\"", c->ack_receipt ? "receipt" : "server");
	buf_addc(&out, '}');
	return buf_steal(&out);
}
