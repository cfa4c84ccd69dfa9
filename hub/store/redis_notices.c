#include "store/redis_internal.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An id is "PARTITION:ID", ID being the entry's in the partition's stream. */
#define NOTICE_ID_SIZE (POS_TEXT_SIZE + 12)
#define NOTICES_PAGE_MAX 1000u

/* How somebody followed: the letter of the format, and that it was as a contact. */
#define CONTACT_LETTER '+'

size_t notice_how(enum sub_format format, bool contact, char out[2])
{
	out[0] = (char)format;
	out[1] = CONTACT_LETTER;
	return !format ? 0 : contact ? 2 : 1;
}

void redis_notice_put(struct store *st, const struct store_notice *n, store_cb cb,
		      void *arg)
{
	struct redis_store *s = redis_of(st);
	struct plain_op *op = plain_new(s, cb, arg);
	const char letter = (char)n->kind;
	char how[2];
	if (!n->jid[0]) {
		call_fail(&op->call, BELFRY_EINVAL);
		return;
	}
	script_begin(&op->call, S_NOTICE_PUT, 2);
	cmd_feed_key(s, "f", n->feed);
	cmd_part_key(s, partition_of(s, n->feed), "notices");
	cmd_text(s, n->feed);
	cmd_text(s, s->channel);
	cmd_text(s, n->jid);
	cmd_data(s, &letter, 1);
	cmd_u64(s, STORE_NOTICES_MAX);
	cmd_data(s, how, notice_how(n->format, n->contact, how));
	cmd_end(&op->call);
	call_send(&op->call);
}

/* ---- Those that wait ---- */

struct waiting {
	struct pos at; /* when it was written, in milliseconds, and which of those */
	char id[NOTICE_ID_SIZE];
	char *feed, *jid;
	enum notice_kind kind;
	enum sub_format format;
	bool contact;
};

struct notices_op {
	struct call call;
	store_notices_cb cb;
	void *arg;
	size_t limit;
	struct waiting *list; /* of all partitions */
	size_t count;
	enum belfry_err err;
};

static int how_parse(const char *how, struct waiting *out)
{
	if (!how || !how[0] || !strchr("cehn", how[0]) ||
	    (how[1] && (how[1] != CONTACT_LETTER || how[2])))
		return -1;
	out->format = (enum sub_format)how[0];
	out->contact = how[1] != '\0';
	return 0;
}

/* Kind, feed and jid, and perhaps how, with their names before. */
static int fields_parse(const redisReply *fields, struct waiting *out)
{
	if (!reply_is_array(fields, 6))
		return -1;
	redisReply *const *e = fields->element;
	const char *kind = reply_str(e[1]), *feed = reply_str(e[3]),
		   *jid = reply_str(e[5]);
	if (!reply_is(e[0], "kind") || !reply_is(e[2], "feed") ||
	    !reply_is(e[4], "jid") || !kind || !kind[0] || kind[1] ||
	    !strchr("opadwtuqs", kind[0]) || !feed || !jid)
		return -1;
	if (fields->elements > 7 &&
	    (!reply_is(e[6], "how") || how_parse(reply_str(e[7]), out) < 0))
		return -1;
	out->kind = (enum notice_kind)kind[0];
	out->feed = xstrdup(feed);
	out->jid = xstrdup(jid);
	return 0;
}

/* An entry: its id, and its fields; -1: not even an id, which Redis itself has made. */
static int waiting_parse(const redisReply *entry, uint32_t partition, struct waiting *out)
{
	*out = (struct waiting){.kind = NOTICE_NONE};
	if (!reply_is_array(entry, 2) || reply_pos(entry->element[0], &out->at) < 0)
		return -1;
	snprintf(out->id, sizeof out->id, "%" PRIu32 ":%s", partition,
		 entry->element[0]->str);
	if (fields_parse(entry->element[1], out) < 0) {
		out->feed = xstrdup("");
		out->jid = xstrdup("");
	}
	return 0;
}

static enum belfry_err take_partition(struct notices_op *op, const redisReply *entries,
				      uint32_t partition)
{
	if (!reply_is_array(entries, 0))
		return reply_broken("the notices");
	op->list = xreallocarray(op->list, op->count + entries->elements + 1,
				 sizeof *op->list);
	for (size_t i = 0; i < entries->elements; i++) {
		if (waiting_parse(entries->element[i], partition, &op->list[op->count]) ==
		    0)
			op->count++;
		else
			reply_broken("a notice");
	}
	return BELFRY_OK;
}

static int by_age(const void *a, const void *b)
{
	return pos_cmp(((const struct waiting *)a)->at, ((const struct waiting *)b)->at);
}

static void notices_end(struct notices_op *op)
{
	struct notices_op o = *op;
	call_free(&op->call);
	/* So that no partition keeps the others waiting. */
	if (o.count)
		qsort(o.list, o.count, sizeof *o.list, by_age);
	size_t count = o.err ? 0 : o.count < o.limit ? o.count : o.limit;
	struct store_notice *list = xcalloc(count + 1, sizeof *list);
	for (size_t i = 0; i < count; i++)
		list[i] = (struct store_notice){.id = o.list[i].id,
						.feed = o.list[i].feed,
						.jid = o.list[i].jid,
						.kind = o.list[i].kind,
						.format = o.list[i].format,
						.contact = o.list[i].contact};
	o.cb(o.arg, o.err, o.err ? NULL : list, count);
	free(list);
	for (size_t i = 0; i < o.count; i++) {
		free(o.list[i].feed);
		free(o.list[i].jid);
	}
	free(o.list);
}

static void on_notices(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct notices_op *op = (struct notices_op *)c;
	if (!err)
		err = take_partition(op, reply, c->commands - 1 - c->left);
	if (err)
		op->err = err;
	if (!c->left)
		notices_end(op);
}

void redis_notices(struct store *st, size_t limit, store_notices_cb cb, void *arg)
{
	struct redis_store *s = redis_of(st);
	struct notices_op *op = call_new(s, sizeof *op, on_notices);
	op->cb = cb;
	op->arg = arg;
	op->limit = limit > NOTICES_PAGE_MAX ? NOTICES_PAGE_MAX : limit;
	for (uint32_t p = 0; p < s->partitions; p++) {
		cmd_begin(s, "XRANGE");
		cmd_part_key(s, p, "notices");
		cmd_text(s, "-");
		cmd_text(s, "+");
		cmd_text(s, "COUNT");
		cmd_u64(s, op->limit);
		cmd_end(&op->call);
	}
	call_send(&op->call);
}

void redis_notice_done(struct store *st, const char *id, store_cb cb, void *arg)
{
	struct redis_store *s = redis_of(st);
	struct plain_op *op = plain_new(s, cb, arg);
	const char *colon = strchr(id, ':');
	uint64_t partition;
	struct pos pos;
	if (!colon ||
	    parse_u64(id, (size_t)(colon - id), PARTITIONS_MAX - 1, &partition) < 0 ||
	    pos_parse(colon + 1, strlen(colon + 1), &pos) < 0) {
		call_fail(&op->call, BELFRY_EINVAL);
		return;
	}
	cmd_begin(s, "XDEL");
	cmd_part_key(s, (uint32_t)partition, "notices");
	cmd_text(s, colon + 1);
	cmd_end(&op->call);
	call_send(&op->call);
}
