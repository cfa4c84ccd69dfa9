#include "subscriber_json.h"

#include <belfry/base/clock.h>
#include <belfry/base/text.h>
#include <belfry/base/zone.h>
#include <belfry/core/event.h>
#include <belfry/http/json.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* ---- Writing --------------------------------------------------------------------- */

static void add_time(struct buf *out, const char *name, uint64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE];

	if (!wall_ms)
		return;
	clock_format(wall_ms, text);
	json_add_member(out, name, text);
}

static void add_true(struct buf *out, const char *name, bool value)
{
	if (value)
		json_add_member_raw(out, name, "true", 4);
}

static void add_minute(struct buf *out, const char *name, unsigned minute)
{
	char text[16];

	snprintf(text, sizeof text, "%02u:%02u", minute / 60, minute % 60);
	json_add_member(out, name, text);
}

static void add_quiet(struct buf *out, const struct sub_quiet *q)
{
	struct buf json = {0};

	if (!q->set)
		return;
	buf_adds(&json, "{");
	add_minute(&json, "from", q->from);
	add_minute(&json, "to", q->to);
	json_add_member(&json, "zone", q->zone);
	buf_adds(&json, "}");
	json_add_member_raw(out, "quiet", json.data, json.len);
	buf_free(&json);
}

/* May its presence be seen, where it chose by that? */
static const char *const grant_texts[] = {
	[GRANT_NONE] = "not-asked",
	[GRANT_ASKED] = "asked",
	[GRANT_YES] = "granted",
	[GRANT_REFUSED] = "refused",
};

static void add_presence(struct buf *out, const struct sub_options *o)
{
	struct buf list = {0};
	unsigned shows = o->shows;

	add_true(out, "hold_offline", o->hold_offline);
	for (const char *show; (show = shows_next(&shows)) != NULL;) {
		buf_adds(&list, list.len ? "," : "[");
		json_add_string(&list, show, strlen(show));
	}
	if (list.len) {
		buf_adds(&list, "]");
		json_add_member_raw(out, "show", list.data, list.len);
	}
	if (sub_chooses_presence(o))
		json_add_member(out, "presence", grant_texts[o->grant]);
	buf_free(&list);
}

static void add_digest(struct buf *out, const struct sub_digest *d)
{
	char every[SUB_DIGEST_TEXT_SIZE];
	struct buf json = {0};

	if (!sub_digest_set(d))
		return;
	buf_adds(&json, "{");
	if (d->daily) {
		add_minute(&json, "at", d->at);
		json_add_member(&json, "zone", d->zone);
	} else {
		sub_digest_every_text(d->every_min, every);
		json_add_member(&json, "every", every);
	}
	buf_adds(&json, "}");
	json_add_member_raw(out, "digest", json.data, json.len);
	buf_free(&json);
}

static void write_options(struct buf *out, const struct sub_options *o)
{
	struct buf tags = {0};

	add_true(out, "contact", o->contact);
	if (o->at_least > PRIORITY_LOW)
		json_add_member(out, "priority", priority_text(o->at_least));
	add_time(out, "muted_until", o->muted_until_ms);
	add_true(out, "paused", o->paused);
	add_quiet(out, &o->quiet);
	add_true(out, "urgent", o->urgent_passes);
	add_presence(out, o);
	if (o->receipt || o->no_receipt)
		json_add_member(out, "ack", o->receipt ? "receipt" : "server");
	add_true(out, "proven", !o->no_receipt && o->proven.epoch);
	add_digest(out, &o->digest);
	for (size_t i = 0; i < o->tag_count; i++) {
		buf_adds(&tags, i ? "," : "[");
		json_add_string(&tags, o->tags[i], strlen(o->tags[i]));
	}
	if (o->tag_count) {
		buf_adds(&tags, "]");
		json_add_member_raw(out, "tags", tags.data, tags.len);
	}
	buf_free(&tags);
}

void subscriber_add_hold(struct buf *out, const struct sub *sub)
{
	struct sub_hold h;
	struct buf json = {0};
	char pos[POS_TEXT_SIZE];

	if (!sub_held(sub))
		return;
	sub_hold_read(sub, &h);
	pos_format(h.pos, pos);
	buf_adds(&json, "{");
	json_add_member(&json, "reason", hold_reason_text(h.reason));
	json_add_member(&json, "position", pos);
	add_time(&json, "due", h.due_ms);
	json_add_member_u64(&json, "tries", h.tries);
	add_time(&json, "since", h.first_ms);
	json_add_member(&json, "condition", h.condition[0] ? h.condition : NULL);
	buf_adds(&json, "}");
	json_add_member_raw(out, "hold", json.data, json.len);
	buf_free(&json);
}

void subscriber_members(struct buf *out, const struct store_row *row)
{
	char since[POS_TEXT_SIZE];
	struct sub_options options;
	struct buf jid = {0};

	pos_format(row->sub.since, since);
	buf_add(&jid, row->jid, row->jid_len);
	json_add_member(out, "jid", jid.data);
	json_add_member(out, "format", sub_format_text(row->sub.format));
	json_add_member(out, "since", since);
	subscriber_add_hold(out, &row->sub);
	sub_options_read(&row->sub, &options);
	write_options(out, &options);
	buf_free(&jid);
}

void subscriber_write(struct buf *out, const struct store_row *row)
{
	buf_adds(out, "{");
	subscriber_members(out, row);
	buf_adds(out, "}");
}

/* As in XEP-0060, pending is who may follow by one answer more; AWAITS says whose. */
static const struct {
	const char *state, *awaits;
} pending_texts[] = {
	[PENDING_NONE] = {"none", NULL},
	[PENDING_OWNERS] = {"pending", "owners"},
	[PENDING_PERSON] = {"pending", "person"},
	[PENDING_INVITED] = {"pending", "person"},
	[PENDING_REFUSED] = {"refused", NULL},
	[PENDING_DENIED] = {"denied", NULL},
	[PENDING_WITHDRAWN] = {"withdrawn", NULL},
};

void pending_write(struct buf *out, const struct store_pending *p)
{
	const char *awaits = pending_texts[p->state].awaits;
	char at[CLOCK_TEXT_SIZE];

	clock_format(p->at_ms, at);
	buf_adds(out, "{");
	json_add_member(out, "jid", p->jid);
	json_add_member(out, "state", pending_texts[p->state].state);
	if (awaits)
		json_add_member(out, "awaits", awaits);
	json_add_member(out, "at", at);
	json_add_member(out, "format", sub_format_text(p->format));
	write_options(out, &p->options);
	buf_adds(out, "}");
}

/* ---- Reading --------------------------------------------------------------------- */

/* Each takes the value of one member, null for its default: false if it is not fit. */
static bool read_format(const json_t *v, struct sub_change *c)
{
	c->set |= SUB_SET_FORMAT;
	c->format = FORMAT_CHAT;
	return json_is_null(v) ||
	       (json_is_string(v) &&
		sub_format_parse(json_string_value(v), json_string_length(v),
				 &c->format) == 0);
}

static bool read_priority(const json_t *v, struct sub_change *c)
{
	c->set |= SUB_SET_PRIORITY;
	return json_is_null(v) ||
	       (json_is_string(v) &&
		priority_parse(json_string_value(v), json_string_length(v),
			       &c->options.at_least) == 0);
}

static bool read_tags(const json_t *v, struct sub_change *c)
{
	char text[SUB_OPTIONS_SIZE];
	size_t i;
	json_t *tag;

	c->set |= SUB_SET_TAGS;
	if (json_is_null(v))
		return true;
	if (!json_is_array(v))
		return false;
	json_array_foreach(
		v, i, tag) if (!json_is_string(tag) ||
			       sub_options_tag(&c->options, json_string_value(tag),
					       json_string_length(tag))) return false;
	return sub_options_text(&c->options, text) >= 0;
}

static bool read_muted(const json_t *v, struct sub_change *c)
{
	c->set |= SUB_SET_MUTED;
	return json_is_null(v) ||
	       (json_is_string(v) &&
		clock_parse(json_string_value(v), json_string_length(v),
			    &c->options.muted_until_ms) == 0);
}

static bool read_bool(const json_t *v, bool *out)
{
	*out = json_is_true(v);
	return json_is_boolean(v) || json_is_null(v);
}

static bool read_paused(const json_t *v, struct sub_change *c)
{
	c->set |= SUB_SET_PAUSED;
	return read_bool(v, &c->options.paused);
}

static bool read_urgent(const json_t *v, struct sub_change *c)
{
	c->set |= SUB_SET_URGENT;
	return read_bool(v, &c->options.urgent_passes);
}

static bool read_offline(const json_t *v, struct sub_change *c)
{
	c->set |= SUB_SET_OFFLINE;
	return read_bool(v, &c->options.hold_offline);
}

static bool read_show(const json_t *v, struct sub_change *c)
{
	size_t i;
	const json_t *word;

	c->set |= SUB_SET_SHOWS;
	if (json_is_null(v))
		return true;
	json_array_foreach(v, i, word)
	{
		const char *text = json_string_value(word);
		unsigned show = text ? shows_parse(text, json_string_length(word)) : 0;

		if (!show)
			return false;
		c->options.shows |= show;
	}
	return json_is_array(v);
}

static bool read_ack(const json_t *v, struct sub_change *c)
{
	const char *text = json_string_value(v);

	c->set |= SUB_SET_RECEIPT;
	c->options.receipt = text && strcmp(text, "receipt") == 0;
	c->options.no_receipt = text && strcmp(text, "server") == 0;
	return json_is_null(v) || c->options.receipt || c->options.no_receipt;
}

static int digits(const char *s, unsigned below, unsigned *out)
{
	if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
		return -1;
	*out = (unsigned)(s[0] - '0') * 10 + (unsigned)(s[1] - '0');
	return *out < below ? 0 : -1;
}

/* "22:00" */
static bool read_minute(const json_t *v, unsigned *out)
{
	const char *s = json_string_value(v);
	unsigned hour, minute;

	if (!s || json_string_length(v) != 5 || s[2] != ':' || digits(s, 24, &hour) ||
	    digits(s + 3, 60, &minute))
		return false;
	*out = hour * 60 + minute;
	return true;
}

static bool read_zone(const json_t *v, char out[SUB_ZONE_MAX + 1])
{
	const char *name = json_string_value(v);
	size_t len = json_string_length(v);

	if (!name || len > SUB_ZONE_MAX || len != strlen(name) || !zone_known(name))
		return false;
	memcpy(out, name, len + 1);
	return true;
}

static bool read_quiet(const json_t *v, struct sub_change *c)
{
	struct sub_quiet *q = &c->options.quiet;

	c->set |= SUB_SET_QUIET;
	if (json_is_null(v))
		return true;
	q->set = true;
	return json_object_size(v) == 3 &&
	       read_minute(json_object_get(v, "from"), &q->from) &&
	       read_minute(json_object_get(v, "to"), &q->to) && q->from != q->to &&
	       read_zone(json_object_get(v, "zone"), q->zone);
}

static bool read_digest(const json_t *v, struct sub_change *c)
{
	struct sub_digest *d = &c->options.digest;
	const json_t *every = json_object_get(v, "every");

	c->set |= SUB_SET_DIGEST;
	if (json_is_null(v))
		return true;
	if (every)
		return json_object_size(v) == 1 && json_is_string(every) &&
		       sub_digest_every_parse(json_string_value(every),
					      json_string_length(every),
					      &d->every_min) == 0;
	d->daily = true;
	return json_object_size(v) == 2 &&
	       read_minute(json_object_get(v, "at"), &d->at) &&
	       read_zone(json_object_get(v, "zone"), d->zone);
}

static const struct member {
	const char *name;
	bool (*read)(const json_t *v, struct sub_change *c);
	const char *wrong;
} members[] = {
	{"format", read_format, "\"format\" is chat, event, headline or normal."},
	{"priority", read_priority,
	 "\"priority\" is low (everything), normal, high or urgent."},
	{"tags", read_tags,
	 "\"tags\" is an array of at most 8 strings of 1 to 64 bytes, without control "
	 "characters, and some 160 bytes in all."},
	{"muted_until", read_muted,
	 "\"muted_until\" is a time like 2026-01-31T12:00:00Z, or null."},
	{"paused", read_paused, "\"paused\" is true or false."},
	{"quiet", read_quiet,
	 "\"quiet\" is {\"from\": \"22:00\", \"to\": \"07:00\", \"zone\": "
	 "\"Europe/Berlin\"}, with two times that differ and a zone of the IANA "
	 "database, or null."},
	{"urgent", read_urgent, "\"urgent\" is true or false."},
	{"hold_offline", read_offline, "\"hold_offline\" is true or false."},
	{"show", read_show,
	 "\"show\" is an array of some of \"chat\", \"online\", \"away\", \"xa\" and "
	 "\"dnd\", or null."},
	{"ack", read_ack, "\"ack\" is \"server\", \"receipt\" or null."},
	{"digest", read_digest,
	 "\"digest\" is {\"every\": \"1h\"}, with minutes, hours or days (5m, 1h, 2d) from "
	 "1m to 7d, or {\"at\": \"08:00\", \"zone\": \"Europe/Berlin\"}, with a zone of the "
	 "IANA database, or null."},
};
#define MEMBERS (sizeof members / sizeof members[0])

static const char *read_member(const char *name, const json_t *v, struct sub_change *c)
{
	for (size_t i = 0; i < MEMBERS; i++)
		if (strcmp(members[i].name, name) == 0)
			return members[i].read(v, c) ? NULL : members[i].wrong;
	return "A subscriber has the members format, tags, priority, muted_until, paused, "
	       "quiet, urgent, hold_offline, show, digest and ack.";
}

static const char *read_members(json_t *root, struct sub_change *c)
{
	const char *name, *why = NULL;
	json_t *value;

	json_object_foreach(root, name, value) if (!why) why =
		read_member(name, value, c);
	return why;
}

const char *subscriber_read(const char *body, size_t len, struct sub_change *c)
{
	const char *why = "The body is an object like {\"format\": \"chat\"}, or empty.";

	*c = (struct sub_change){.format = FORMAT_CHAT};
	if (!len)
		return NULL;
	json_t *root = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(root))
		why = read_members(root, c);
	json_decref(root);
	return why;
}
