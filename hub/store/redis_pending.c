#include "store/redis_internal.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>
#include <belfry/core/jid.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MAX 1000u

/* ---- Putting: "STATE AT FORMAT[ OPTIONS][ /RESOURCE]", by the bare JID ---- */

static void cmd_letter(struct redis_store *s, char letter)
{
	cmd_data(s, &letter, letter ? 1 : 0);
}

static void cmd_value(struct redis_store *s, const struct store_pending *p,
		      const char *words)
{
	const char *resource = p->jid + jid_bare_len(p->jid);
	struct buf text = {0};
	if (p->state)
		buf_printf(&text, "%c %" PRIu64 " %c%s%s%s%s", (char)p->state, p->at_ms,
			   (char)p->format, words[0] ? " " : "", words,
			   resource[0] ? " " : "", resource);
	cmd_data(s, text.data, text.len);
	buf_free(&text);
}

void redis_pending_put(struct store *st, const char *feed, const struct store_pending *p,
		       enum pending_state expect, enum notice_kind notice, store_cb cb,
		       void *arg)
{
	struct redis_store *s = redis_of(st);
	struct plain_op *op = plain_new(s, cb, arg);
	char words[SUB_OPTIONS_SIZE], how[2];
	if (!p->jid[0] || sub_options_text(&p->options, words) < 0) {
		call_fail(&op->call, BELFRY_EINVAL);
		return;
	}
	/* Of what is over somebody is told all the same. */
	bool takes_room = p->state && (notice || !expect);
	script_begin(&op->call, takes_room ? S_PENDING_PUT : S_PENDING_MOVE, 3);
	cmd_feed_key(s, "f", feed);
	cmd_feed_key(s, "p", feed);
	cmd_part_key(s, partition_of(s, feed), "notices");
	cmd_text(s, feed);
	cmd_text(s, s->channel);
	cmd_data(s, p->jid, jid_bare_len(p->jid));
	cmd_letter(s, (char)expect);
	cmd_value(s, p, words);
	cmd_letter(s, (char)notice);
	cmd_u64(s, p->state == PENDING_OWNERS ? STORE_REQUESTS_MAX : STORE_PENDING_MAX);
	cmd_u64(s, p->state ? STORE_NOTICES_MAX : STORE_EXPELLED_MAX);
	cmd_text(s, p->jid);
	cmd_text(s, p->seen_jid ? p->seen_jid + jid_bare_len(p->seen_jid) : "*");
	cmd_data(s, how, p->state ? 0 : notice_how(p->format, p->options.contact, how));
	cmd_end(&op->call);
	call_send(&op->call);
}

/* ---- Getting ---- */

/*
 * 0, or -1. *JID, malloc'ed, is PERSON with the resource. No option begins with a slash,
 * and there are no blanks in one.
 */
static int pending_parse(const char *person, const redisReply *value,
			 struct store_pending *out, char **jid)
{
	const char *text = reply_str(value);
	char row[SUB_TEXT_SIZE];
	struct sub sub;
	if (!text || strlen(text) < 3 || !strchr("opirdw", text[0]) || text[1] != ' ')
		return -1;
	const char *at = text + 2, *rest = at + strcspn(at, " ");
	if (parse_u64(at, (size_t)(rest - at), UINT64_MAX, &out->at_ms) < 0 || !rest[0] ||
	    !rest[1] || jid_has_resource(person))
		return -1;
	const char *resource = strstr(rest + 2, " /");
	size_t words = resource ? (size_t)(resource - rest) - 2 : strlen(rest + 2);
	/* What is wished for is as a row, but for the positions. */
	int len = snprintf(row, sizeof row, "%c 0-0%.*s", rest[1],
			   (int)(words < sizeof row ? words : sizeof row), rest + 2);
	if (len < 0 || (size_t)len >= sizeof row || sub_parse(row, (size_t)len, &sub) < 0)
		return -1;
	out->state = (enum pending_state)text[0];
	out->format = sub.format;
	sub_options_read(&sub, &out->options);
	struct buf whole = {0};
	buf_printf(&whole, "%s%s", person, resource ? resource + 1 : "");
	out->jid = *jid = buf_steal(&whole);
	return 0;
}

struct pending_op {
	struct call call;
	store_pending_cb get_cb;
	store_pendings_cb list_cb;
	void *arg;
	char *person;
};

static void on_pending(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct pending_op op = *(struct pending_op *)c;
	struct store_pending p = {0};
	char *jid = NULL;
	call_free(c);
	if (!err && (!reply_is_array(reply, 2) ||
		     pending_parse(op.person, reply->element[1], &p, &jid) < 0))
		err = reply_broken("who is pending");
	op.get_cb(op.arg, err, err ? NULL : &p);
	free(op.person);
	free(jid);
}

void redis_pending_get(struct store *st, const char *feed, const char *jid,
		       store_pending_cb cb, void *arg)
{
	struct redis_store *s = redis_of(st);
	struct pending_op *op = call_new(s, sizeof *op, on_pending);
	op->get_cb = cb;
	op->arg = arg;
	op->person = jid_bare(jid);
	script_begin(&op->call, S_PENDING_GET, 2);
	cmd_feed_key(s, "f", feed);
	cmd_feed_key(s, "p", feed);
	cmd_text(s, op->person);
	cmd_end(&op->call);
	call_send(&op->call);
}

static void on_pendings(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct pending_op op = *(struct pending_op *)c;
	uint64_t next = 0;
	call_free(c);
	if (!err &&
	    (!reply_is_array(reply, 3) || reply_u64(reply->element[1], &next) < 0 ||
	     !reply_is_array(reply->element[2], 0) || reply->element[2]->elements % 2))
		err = reply_broken("those who are pending");
	if (err) {
		op.list_cb(op.arg, err, NULL, 0, 0);
		return;
	}
	const redisReply *page = reply->element[2];
	struct store_pending *list = xcalloc(page->elements / 2 + 1, sizeof *list);
	char **jids = xcalloc(page->elements / 2 + 1, sizeof *jids);
	size_t count = 0;
	for (size_t i = 0; i < page->elements; i += 2) {
		const char *person = reply_str(page->element[i]);
		if (person && pending_parse(person, page->element[i + 1], &list[count],
					    &jids[count]) == 0)
			count++;
		else
			reply_broken("who is pending");
	}
	op.list_cb(op.arg, BELFRY_OK, list, count, next);
	for (size_t i = 0; i < count; i++)
		free(jids[i]);
	free(jids);
	free(list);
}

void redis_pending_list(struct store *st, const char *feed, uint64_t cursor, size_t limit,
			store_pendings_cb cb, void *arg)
{
	struct redis_store *s = redis_of(st);
	struct pending_op *op = call_new(s, sizeof *op, on_pendings);
	op->list_cb = cb;
	op->arg = arg;
	script_begin(&op->call, S_PENDING_LIST, 2);
	cmd_feed_key(s, "f", feed);
	cmd_feed_key(s, "p", feed);
	cmd_u64(s, cursor);
	cmd_u64(s, limit < 1 ? 1 : limit > PAGE_MAX ? PAGE_MAX : limit);
	cmd_end(&op->call);
	call_send(&op->call);
}
