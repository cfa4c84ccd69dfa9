#include "store/done.h"
#include "store/redis_internal.h"

#include <belfry/base/mem.h>
#include <belfry/core/jid.h>

#include <stdlib.h>
#include <string.h>

/*
 * What concerns one row takes two turns: salt and count of buckets are read, then a
 * script gets the key of the bucket that follows from them, and says RETRY if a split has
 * moved the row to another meanwhile.
 */
enum row_kind {
	ROW_JOIN,
	ROW_ADMIT,
	ROW_LEAVE,
	ROW_EXPEL,
	ROW_GET,
	ROW_ORDER,
	ROW_BOUNCE,
	ROW_RECEIVED
};

/* Behind the feed and the bucket: d(ue), letters that are dead, feeds that have some,
 * c(ounters), the log, the fence, p(ending), n(otices). */
static const struct {
	enum script script;
	const char *keys;
} row_scripts[] = {
	[ROW_JOIN] = {S_JOIN, "dxac"},
	[ROW_ADMIT] = {S_ADMIT, "dxacpn"}, /* or S_ADMIT_TELL */
	[ROW_LEAVE] = {S_LEAVE, "xa"},
	[ROW_EXPEL] = {S_EXPEL, "xan"},
	[ROW_GET] = {S_ROW, ""},
	[ROW_ORDER] = {S_HOLD_ORDER, "dxac"},
	[ROW_BOUNCE] = {S_LATE_BOUNCE, "dxaclo"},
	[ROW_RECEIVED] = {S_RECEIVED, "dxaco"},
};

struct row_op {
	struct call call;
	enum row_kind kind;
	store_row_cb row_cb; /* all but late_bounce and received */
	store_cb cb;	     /* late_bounce */
	store_received_cb received_cb;
	void *arg;
	char *feed, *jid;
	struct sub_change change;
	enum pending_state seen; /* admit: the state that it must have, */
	char *resource;		 /* and the resource, with its slash */
	enum notice_kind notice;
	enum hold_order order;
	struct store_owner owner;
	struct store_done late;		/* of late_bounce: its one row */
	struct store_receipts received; /* its list is ours */
	unsigned tries;
};

static void row_end(struct row_op *op, enum belfry_err err, const struct sub *sub,
		    bool created)
{
	struct row_op o = *op;
	call_free(&op->call);
	if (o.received_cb) {
		o.received_cb(o.arg, err, !err && created);
	} else if (o.cb) {
		o.cb(o.arg, err);
	} else if (err) {
		o.row_cb(o.arg, err, NULL, false);
	} else {
		struct store_row row = {o.jid, strlen(o.jid), *sub};
		o.row_cb(o.arg, err, &row, created);
	}
	done_free(&o.late);
	free(o.feed);
	free(o.jid);
	free(o.resource);
	free((void *)(uintptr_t)o.received.list);
}

static void row_begin(struct row_op *op);

static bool joins(const struct row_op *op)
{
	return op->kind == ROW_JOIN || op->kind == ROW_ADMIT;
}

static enum belfry_err join_parse(struct row_op *op, const redisReply *reply,
				  struct sub *sub, uint64_t *created)
{
	uint64_t subs;
	uint32_t buckets;
	if (!reply_is_array(reply, 5) || reply_u64(reply->element[1], created) < 0 ||
	    !reply_is_text(reply->element[2]) ||
	    sub_parse(reply->element[2]->str, reply->element[2]->len, sub) < 0 ||
	    reply_u64(reply->element[3], &subs) < 0 ||
	    reply_u32(reply->element[4], &buckets) < 0)
		return reply_broken("a row");
	split_start(op->call.s, op->feed, subs, buckets);
	return BELFRY_OK;
}

static void on_row(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct row_op *op = (struct row_op *)c;
	struct sub sub = {0};
	uint64_t created = 0;
	if (err == BELFRY_ESTALE && reply_is(reply->element[0], "RETRY")) {
		if (++op->tries < RETRIES_MAX)
			row_begin(op);
		else
			row_end(op, BELFRY_EAWAY, NULL, false);
		return;
	}
	if (!err && joins(op))
		err = join_parse(op, reply, &sub, &created);
	if (!err && op->kind == ROW_RECEIVED &&
	    (!reply_is_array(reply, 2) || reply_u64(reply->element[1], &created) < 0))
		err = reply_broken("a receipt");
	if (!err && !joins(op) && !op->cb && !op->received_cb &&
	    (!reply_is_array(reply, 2) || !reply_is_text(reply->element[1]) ||
	     sub_parse(reply->element[1]->str, reply->element[1]->len, &sub) < 0))
		err = reply_broken("a row");
	row_end(op, err, &sub, created == 1);
}

/* Format, is it set, must there be a row, the first letters of the options that are
 * replaced, and by which; what the feed's `casts` must be. */
static void cmd_change(struct redis_store *s, const struct sub_change *change)
{
	static const struct {
		unsigned set;
		char letter;
	} letter_of[] = {
		{SUB_SET_CONTACT, 'a'}, {SUB_SET_PRIORITY, 'p'}, {SUB_SET_TAGS, 't'},
		{SUB_SET_MUTED, 'm'},	{SUB_SET_PAUSED, 'z'},	 {SUB_SET_QUIET, 'q'},
		{SUB_SET_URGENT, 'u'},	{SUB_SET_OFFLINE, 'o'},	 {SUB_SET_SHOWS, 's'},
		{SUB_SET_GRANT, 'g'},	{SUB_SET_DIGEST, 'd'},	 {SUB_SET_RECEIPT, 'r'},
	};
	enum { LETTERS = sizeof letter_of / sizeof *letter_of };
	char format = (char)change->format, letters[LETTERS + 1], words[SUB_OPTIONS_SIZE];
	struct sub_options options = {0};
	size_t count = 0;
	sub_change_apply(change, &options);
	sub_options_text(&options, words);
	for (size_t i = 0; i < LETTERS; i++)
		if (change->set & letter_of[i].set)
			letters[count++] = letter_of[i].letter;
	if (sub_change_unproves(change))
		letters[count++] = 'v';
	cmd_data(s, &format, 1);
	cmd_text(s, change->set & SUB_SET_FORMAT ? "1" : "0");
	cmd_text(s, change->only_existing ? "1" : "0");
	cmd_data(s, letters, count);
	cmd_text(s, words);
	cmd_u64(s, change->casts);
}

/* What is pending of the person, and what is to be told. */
static void cmd_admit(struct redis_store *s, const struct row_op *op)
{
	const char state = (char)op->seen, notice = (char)op->notice;
	cmd_data(s, op->jid, jid_bare_len(op->jid));
	cmd_data(s, &state, state ? 1 : 0);
	cmd_text(s, op->resource);
	cmd_data(s, &notice, notice ? 1 : 0);
	cmd_u64(s, STORE_NOTICES_MAX);
}

static void cmd_row_keys(struct redis_store *s, const char *feed, const char *keys)
{
	uint32_t partition = partition_of(s, feed);
	for (; *keys; keys++) {
		if (*keys == 'd')
			cmd_part_key(s, partition, "due");
		else if (*keys == 'a')
			cmd_part_key(s, partition, "dead");
		else if (*keys == 'o')
			cmd_part_key(s, partition, "fence");
		else if (*keys == 'n')
			cmd_part_key(s, partition, "notices");
		else
			cmd_feed_key(s, (const char[]){*keys, '\0'}, feed);
	}
}

static void cmd_late(struct redis_store *s, const struct row_op *op)
{
	const struct store_done_row *r = op->late.rows;
	char fence[FENCE_TEXT_SIZE];
	fence_format(&op->owner, fence);
	cmd_text(s, op->owner.name);
	cmd_text(s, fence);
	cmd_pos(s, r->pos);
	cmd_text(s, r->end ? "1" : "0");
	cmd_data(s, r->was_len ? r->was : "", r->was_len);
	cmd_hold(s, &r->hold);
	for (size_t i = 0; i < r->move_count; i++)
		cmd_pos(s, r->moves[i].pos);
}

static void cmd_received(struct redis_store *s, const struct row_op *op)
{
	char fence[FENCE_TEXT_SIZE];
	fence_format(&op->owner, fence);
	cmd_text(s, op->owner.name);
	cmd_text(s, fence);
	cmd_u64(s, op->received.again_ms);
	cmd_u64(s, op->received.give_up_ms);
	cmd_u64(s, op->received.by_feed);
	cmd_u64(s, HOLD_WINDOW);
	for (size_t i = 0; i < op->received.count; i++)
		cmd_pos(s, op->received.list[i]);
}

/* Who is told, and of what. */
static void cmd_expel(struct redis_store *s)
{
	const char notice = NOTICE_WITHDRAWN;
	cmd_data(s, &notice, 1);
	cmd_u64(s, STORE_EXPELLED_MAX);
}

/* SALT, BUCKETS: as read a moment ago. */
static void row_script(struct row_op *op, uint32_t salt, uint32_t buckets)
{
	struct call *c = &op->call;
	struct redis_store *s = c->s;
	const char *keys = row_scripts[op->kind].keys;
	uint32_t hash = row_hash(salt, op->jid, strlen(op->jid));
	uint32_t bucket = buckets ? bucket_of(hash, buckets) : 0;
	call_reset(c, on_row);
	script_begin(c, op->notice ? S_ADMIT_TELL : row_scripts[op->kind].script,
		     2 + strlen(keys));
	cmd_feed_key(s, "f", op->feed);
	cmd_bucket_key(s, op->feed, bucket);
	cmd_row_keys(s, op->feed, keys);
	cmd_text(s, op->jid);
	cmd_u64(s, salt);
	cmd_u64(s, hash);
	cmd_u64(s, bucket);
	cmd_text(s, op->feed);
	cmd_text(s, s->channel);
	if (joins(op))
		cmd_change(s, &op->change);
	if (op->kind == ROW_ADMIT)
		cmd_admit(s, op);
	else if (op->kind == ROW_EXPEL)
		cmd_expel(s);
	else if (op->kind == ROW_ORDER)
		cmd_u64(s, op->order);
	else if (op->kind == ROW_BOUNCE)
		cmd_late(s, op);
	else if (op->kind == ROW_RECEIVED)
		cmd_received(s, op);
	cmd_end(c);
	call_send(c);
}

static void on_salt(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct row_op *op = (struct row_op *)c;
	uint32_t salt = 0, buckets = 0;
	if (!err && !reply_is_array(reply, 3))
		err = reply_broken("a feed");
	if (!err &&
	    (reply_is_text(reply->element[0]) || !reply_is_text(reply->element[1])))
		err = BELFRY_ENOFEED;
	if (!err && (reply_u32(reply->element[1], &salt) < 0 ||
		     reply_u32(reply->element[2], &buckets) < 0))
		err = reply_broken("a feed");
	if (err)
		row_end(op, err, NULL, false);
	else
		row_script(op, salt, buckets);
}

static void row_begin(struct row_op *op)
{
	struct redis_store *s = op->call.s;
	char words[SUB_OPTIONS_SIZE];
	call_reset(&op->call, on_salt);
	/* That field is the bucket's cursor. */
	if (!op->jid[0] || sub_options_text(&op->change.options, words) < 0) {
		call_fail(&op->call, BELFRY_EINVAL);
		return;
	}
	cmd_begin(s, "HMGET");
	cmd_feed_key(s, "f", op->feed);
	cmd_text(s, "state");
	cmd_text(s, "salt");
	cmd_text(s, "buckets");
	cmd_end(&op->call);
	call_send(&op->call);
}

static struct row_op *row_op_new(struct store *st, enum row_kind kind, const char *feed,
				 const char *jid, void *arg)
{
	struct row_op *op = call_new(redis_of(st), sizeof *op, on_salt);
	op->kind = kind;
	op->arg = arg;
	op->feed = xstrdup(feed);
	op->jid = xstrdup(jid);
	return op;
}

void redis_join(struct store *st, const char *feed, const char *jid,
		const struct sub_change *change, store_row_cb cb, void *arg)
{
	struct row_op *op = row_op_new(st, ROW_JOIN, feed, jid, arg);
	op->row_cb = cb;
	op->change = *change;
	row_begin(op);
}

void redis_admit(struct store *st, const char *feed, const char *jid,
		 const struct sub_change *change, const struct store_pending *seen,
		 enum notice_kind notice, store_row_cb cb, void *arg)
{
	struct row_op *op = row_op_new(st, ROW_ADMIT, feed, jid, arg);
	op->row_cb = cb;
	op->change = *change;
	op->seen = seen ? seen->state : PENDING_NONE;
	op->resource = xstrdup(seen ? seen->jid + jid_bare_len(seen->jid) : "");
	op->notice = notice;
	row_begin(op);
}

void redis_leave(struct store *st, const char *feed, const char *jid, store_row_cb cb,
		 void *arg)
{
	struct row_op *op = row_op_new(st, ROW_LEAVE, feed, jid, arg);
	op->row_cb = cb;
	row_begin(op);
}

void redis_expel(struct store *st, const char *feed, const char *jid, store_row_cb cb,
		 void *arg)
{
	struct row_op *op = row_op_new(st, ROW_EXPEL, feed, jid, arg);
	op->row_cb = cb;
	row_begin(op);
}

void redis_sub_get(struct store *st, const char *feed, const char *jid, store_row_cb cb,
		   void *arg)
{
	struct row_op *op = row_op_new(st, ROW_GET, feed, jid, arg);
	op->row_cb = cb;
	row_begin(op);
}

void redis_hold_order(struct store *st, const char *feed, const char *jid,
		      enum hold_order order, store_row_cb cb, void *arg)
{
	struct row_op *op = row_op_new(st, ROW_ORDER, feed, jid, arg);
	op->row_cb = cb;
	op->order = order;
	row_begin(op);
}

void redis_received(struct store *st, const struct store_owner *o, const char *feed,
		    const char *jid, const struct store_receipts *r, store_received_cb cb,
		    void *arg)
{
	struct row_op *op = row_op_new(st, ROW_RECEIVED, feed, jid, arg);
	op->received_cb = cb;
	op->owner = *o;
	op->received = *r;
	op->received.list = receipts_copy(r);
	if (r->count <= RECEIPTS_MAX)
		row_begin(op);
	else
		call_fail(&op->call, BELFRY_EINVAL);
}

void redis_late_bounce(struct store *st, const struct store_owner *o, const char *feed,
		       const struct store_done_row *row, store_cb cb, void *arg)
{
	struct row_op *op = row_op_new(st, ROW_BOUNCE, feed, row->jid, arg);
	op->cb = cb;
	op->owner = *o;
	done_copy(&op->late,
		  &(struct store_done){.feed = feed, .rows = row, .row_count = 1});
	if (done_late_valid(row))
		row_begin(op);
	else
		call_fail(&op->call, BELFRY_EINVAL);
}

/* ---- Splitting ---- */

static void split_command(struct call *c, const char *feed, uint32_t buckets)
{
	struct redis_store *s = c->s;
	uint32_t parent = buckets ? bucket_parent(buckets) : 0;
	script_begin(c, S_SPLIT, 4);
	cmd_feed_key(s, "f", feed);
	cmd_bucket_key(s, feed, parent);
	cmd_bucket_key(s, feed, buckets);
	cmd_part_key(s, partition_of(s, feed), "due");
	cmd_u64(s, buckets);
	cmd_due_member(s, feed, parent);
	cmd_due_member(s, feed, buckets);
	cmd_end(c);
}

void redis_split(struct store *st, const char *feed, uint32_t buckets, store_cb cb,
		 void *arg)
{
	struct plain_op *op = plain_new(redis_of(st), cb, arg);
	if (buckets == 0) { /* the first join makes the first bucket */
		call_fail(&op->call, BELFRY_ESTALE);
		return;
	}
	split_command(&op->call, feed, buckets);
	call_send(&op->call);
}

/* The splits of one feed that joins have made due: one after the other. */
struct split_op {
	struct call call;
	struct split_op *next;
	char *feed;
};

static void split_end(struct split_op *op)
{
	struct split_op **at = &op->call.s->splits;
	while (*at != op)
		at = &(*at)->next;
	*at = op->next;
	free(op->feed);
	call_free(&op->call);
}

static bool split_due(uint64_t subs, uint32_t buckets)
{
	return buckets && buckets < UINT32_MAX && subs > (uint64_t)buckets * BUCKET_ROWS;
}

static void on_split(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct split_op *op = (struct split_op *)c;
	uint64_t subs = 0;
	uint32_t buckets = 0;
	/* STALE: another process splits, too, and goes on. */
	if (err || !reply_is_array(reply, 3) || reply_u64(reply->element[1], &subs) < 0 ||
	    reply_u32(reply->element[2], &buckets) < 0 || !split_due(subs, buckets)) {
		split_end(op);
		return;
	}
	call_reset(c, on_split);
	split_command(c, op->feed, buckets);
	call_send(c);
}

void split_start(struct redis_store *s, const char *feed, uint64_t subs, uint32_t buckets)
{
	if (!split_due(subs, buckets))
		return;
	for (struct split_op *op = s->splits; op; op = op->next)
		if (strcmp(op->feed, feed) == 0)
			return;
	struct split_op *op = call_new(s, sizeof *op, on_split);
	op->feed = xstrdup(feed);
	op->next = s->splits;
	s->splits = op;
	split_command(&op->call, feed, buckets);
	call_send(&op->call);
}
