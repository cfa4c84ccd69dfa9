#include "store/redis_internal.h"

#include <belfry/base/random.h>

#include <stdio.h>
#include <string.h>

struct lease_op {
	struct call call;
	store_lease_cb cb;
	void *arg;
	struct store_owner owner;
	enum belfry_err err;
};

static void lease_end(struct lease_op *op, enum belfry_err err,
		      const struct store_lease_seen *seen)
{
	struct lease_op o = *op;
	call_free(&op->call);
	o.cb(o.arg, err, err ? NULL : &o.owner, err == BELFRY_EEXIST ? seen : NULL);
}

/* The owner is one only when no partition lets the former one write any more. */
static void on_fenced(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct lease_op *op = (struct lease_op *)c;
	const struct store_lease_seen nothing = {0};
	(void)reply;
	if (err)
		op->err = err;
	if (c->left)
		return;
	lease_end(op, op->err == BELFRY_ELOST ? BELFRY_EEXIST : op->err, &nothing);
}

static void fence_all(struct lease_op *op)
{
	struct redis_store *s = op->call.s;
	call_reset(&op->call, on_fenced);
	for (uint32_t p = 0; p < s->partitions; p++) {
		script_begin(&op->call, S_LEASE_FENCE, 1);
		cmd_part_key(s, p, "fence");
		cmd_text(s, op->owner.name);
		cmd_u64(s, op->owner.fence);
		cmd_text(s, op->owner.token);
		cmd_end(&op->call);
	}
	call_send(&op->call);
}

static void on_taken(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct lease_op *op = (struct lease_op *)c;
	struct store_lease_seen seen = {0};
	if (err == BELFRY_EEXIST) {
		const char *token =
			reply->elements == 3 ? reply_str(reply->element[1]) : NULL;
		if (!token || strlen(token) >= sizeof seen.token ||
		    reply_u64(reply->element[2], &seen.beat) < 0)
			err = reply_broken("a lease");
		else
			memcpy(seen.token, token, strlen(token) + 1);
	} else if (!err && (!reply_is_array(reply, 2) ||
			    reply_u64(reply->element[1], &op->owner.fence) < 0)) {
		err = reply_broken("a lease");
	}
	if (err)
		lease_end(op, err, &seen);
	else
		fence_all(op);
}

void redis_lease_take(struct store *st, const char *name,
		      const struct store_lease_seen *seen, store_lease_cb cb, void *arg)
{
	struct redis_store *s = redis_of(st);
	struct lease_op *op = call_new(s, sizeof *op, on_taken);
	op->cb = cb;
	op->arg = arg;
	snprintf(op->owner.name, sizeof op->owner.name, "%s", name);
	random_hex(op->owner.token, (sizeof op->owner.token - 1) / 2);
	script_begin(&op->call, S_LEASE_TAKE, 1);
	cmd_part_key(s, 0, "own");
	cmd_text(s, op->owner.name);
	cmd_text(s, op->owner.token);
	if (seen && seen->token[0]) {
		cmd_text(s, seen->token);
		cmd_u64(s, seen->beat);
	}
	cmd_end(&op->call);
	call_send(&op->call);
}

static void lease_keep(struct store *st, const struct store_owner *o, const char *release,
		       store_cb cb, void *arg)
{
	struct redis_store *s = redis_of(st);
	struct plain_op *op = plain_new(s, cb, arg);
	script_begin(&op->call, S_LEASE_BEAT, 1);
	cmd_part_key(s, 0, "own");
	cmd_text(s, o->name);
	cmd_text(s, o->token);
	cmd_text(s, release);
	cmd_end(&op->call);
	call_send(&op->call);
}

void redis_lease_beat(struct store *st, const struct store_owner *o, store_cb cb,
		      void *arg)
{
	lease_keep(st, o, "0", cb, arg);
}

void redis_lease_release(struct store *st, const struct store_owner *o, store_cb cb,
			 void *arg)
{
	lease_keep(st, o, "1", cb, arg);
}
