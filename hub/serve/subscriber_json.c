#include "subscriber_json.h"

#include <belfry/base/clock.h>
#include <belfry/base/text.h>
#include <belfry/core/event.h>
#include <belfry/http/json.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* ---- Writing --------------------------------------------------------------------- */

static void write_options(struct buf *out, const struct sub_options *o)
{
	char until[CLOCK_TEXT_SIZE];
	struct buf tags = {0};

	if (o->contact)
		json_add_member_raw(out, "contact", "true", 4);
	if (o->at_least > PRIORITY_LOW)
		json_add_member(out, "priority", priority_text(o->at_least));
	if (o->muted_until_ms) {
		clock_format(o->muted_until_ms, until);
		json_add_member(out, "muted_until", until);
	}
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

void subscriber_write(struct buf *out, const struct store_row *row)
{
	char since[POS_TEXT_SIZE], bounced[POS_TEXT_SIZE];
	struct sub_options options;
	struct buf jid = {0};

	pos_format(row->sub.since, since);
	pos_format(row->sub.bounced, bounced);
	buf_add(&jid, row->jid, row->jid_len);
	buf_adds(out, "{");
	json_add_member(out, "jid", jid.data);
	json_add_member(out, "format", sub_format_text(row->sub.format));
	json_add_member(out, "since", since);
	json_add_member(out, "bounced",
			row->sub.bounced.epoch || row->sub.bounced.n ? bounced : NULL);
	sub_options_read(&row->sub, &options);
	write_options(out, &options);
	buf_adds(out, "}");
	buf_free(&jid);
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
};
#define MEMBERS (sizeof members / sizeof members[0])

static const char *read_member(const char *name, const json_t *v, struct sub_change *c)
{
	for (size_t i = 0; i < MEMBERS; i++)
		if (strcmp(members[i].name, name) == 0)
			return members[i].read(v, c) ? NULL : members[i].wrong;
	return "A subscriber has the members format, tags, priority and muted_until.";
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
