#include "store/redis_internal.h"

#include <belfry/base/text.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What is asked of CONFIG GET, one command each: a managed Redis may refuse some. */
enum asked {
	A_APPENDONLY,
	A_APPENDFSYNC,
	A_POLICY,
	A_ENTRIES,
	A_VALUE,
	A_NODE_BYTES,
	A_MIN_REPLICAS,
	A_COUNT
};
static const char *const asked[A_COUNT] = {
	"appendonly",
	"appendfsync",
	"maxmemory-policy",
	"hash-max-listpack-entries",
	"hash-max-listpack-value",
	"stream-node-max-bytes",
	"min-replicas-to-write",
};

struct check_op {
	struct call call;
	store_redis_check_cb cb;
	void *arg;
	struct buf text, sentinels;
	bool fatal, refused;
	enum belfry_err err;
	char values[A_COUNT][32];
};

static void finding(struct check_op *op, bool fatal, const char *text)
{
	op->fatal |= fatal;
	buf_printf(&op->text, "%s: %s\n", fatal ? "error" : "warning", text);
}

static void check_durable(struct check_op *op)
{
	bool toy = op->call.s->allow_data_loss;
	const char *aof = op->values[A_APPENDONLY], *fsync = op->values[A_APPENDFSYNC];
	if (aof[0] && strcmp(aof, "yes") != 0)
		finding(op, !toy,
			"Redis keeps no append-only file: events that were answered "
			"with 202 are lost when it stops. Mend: CONFIG SET appendonly "
			"yes, CONFIG SET appendfsync always, and the same in "
			"redis.conf (or, for a toy, redis.allow_data_loss = true)");
	else if (fsync[0] && strcmp(fsync, "always") != 0)
		finding(op, !toy,
			"appendfsync is not always: events of the last second or more, "
			"answered with 202, are lost when the machine loses power. "
			"Mend: CONFIG SET appendfsync always, and the same in "
			"redis.conf (or accept the loss: redis.allow_data_loss = true)");
}

static void check_limit(struct check_op *op, enum asked which, const char *text)
{
	uint64_t v;
	const char *value = op->values[which];
	if (value[0] && parse_u64(value, strlen(value), UINT64_MAX, &v) == 0 && v < 256)
		finding(op, false, text);
}

static void check_values(struct check_op *op)
{
	uint64_t v;
	const char *policy = op->values[A_POLICY], *node = op->values[A_NODE_BYTES];
	check_durable(op);
	if (policy[0] && strcmp(policy, "noeviction") != 0)
		finding(op, true,
			"maxmemory-policy is not noeviction: Redis would throw "
			"subscriptions away when it is full. Mend: CONFIG SET "
			"maxmemory-policy noeviction, and the same in redis.conf");
	check_limit(
		op, A_ENTRIES,
		"hash-max-listpack-entries is below 256: subscriptions take twice the "
		"memory. Mend: CONFIG SET hash-max-listpack-entries 256, and the same "
		"in redis.conf");
	check_limit(
		op, A_VALUE,
		"hash-max-listpack-value is below 256: one long JID doubles the memory "
		"of a hundred subscriptions. Mend: CONFIG SET hash-max-listpack-value "
		"256, and the same in redis.conf");
	if (node[0] && parse_u64(node, strlen(node), UINT64_MAX, &v) == 0 &&
	    (v == 0 || v > 65536))
		finding(op, false,
			"stream-node-max-bytes is large or unlimited: reading one "
			"event unpacks all that share its node. Mend: CONFIG SET "
			"stream-node-max-bytes 4096");
	if (op->refused)
		finding(op, false,
			"CONFIG GET is not permitted: see by yourself that appendonly "
			"is yes, appendfsync always and maxmemory-policy noeviction");
}

/* What a failover would cost. */
static void check_failover(struct check_op *op)
{
	const struct redis_store *s = op->call.s;
	if (!s->sentinels)
		return;
	buf_add(&op->text, op->sentinels.data, op->sentinels.len);
	if (!s->wait_replicas)
		finding(op, false,
			"redis.wait_replicas is 0: a failover loses events that were "
			"answered with 202 and that the replicas had not received. "
			"Mend: set it to the number of replicas");
	if (strcmp(op->values[A_MIN_REPLICAS], "0") == 0)
		buf_adds(&op->text,
			 "note: min-replicas-to-write is 0: a master that is cut off "
			 "from the others takes subscriptions until it finds out, and "
			 "then they are lost. With CONFIG SET min-replicas-to-write 1 "
			 "it takes none, and neither does one whose replicas are all "
			 "down\n");
}

/* While another one is promoted, those that still follow this master confirm for it. */
static void check_not_all(struct check_op *op, uint64_t have)
{
	char line[400];
	snprintf(line, sizeof line,
		 "redis.wait_replicas is %" PRIu64 ", and there are %" PRIu64
		 " replicas: that covers a master that dies. Where one that lives is "
		 "replaced (SENTINEL FAILOVER, or a network that parts), events of the "
		 "last second that were answered with 202 are lost. Mend: "
		 "redis.wait_replicas = %" PRIu64 ", or fewer replicas",
		 op->call.s->wait_replicas, have, have);
	finding(op, false, line);
}

static void check_replicas(struct check_op *op, const redisReply *info)
{
	const struct redis_store *s = op->call.s;
	char text[32];
	uint64_t have = 0;
	if (!s->wait_replicas ||
	    info_get(info, "connected_slaves", text, sizeof text) < 0 ||
	    parse_u64(text, strlen(text), UINT64_MAX, &have) < 0)
		return;
	if (have > s->wait_replicas && s->sentinels)
		check_not_all(op, have);
	if (have >= s->wait_replicas)
		return;
	char line[200];
	snprintf(line, sizeof line,
		 "redis.wait_replicas is %" PRIu64 ", but %" PRIu64
		 " replicas are connected: every event will be answered with 503. "
		 "Mend: start the replicas, or lower redis.wait_replicas",
		 s->wait_replicas, have);
	finding(op, false, line);
}

static void check_end(struct check_op *op)
{
	struct check_op o = *op;
	call_free(&op->call);
	o.cb(o.arg, o.err, o.text.data ? o.text.data : "", o.fatal);
	buf_free(&o.text);
	buf_free(&o.sentinels);
}

static void on_check(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct check_op *op = (struct check_op *)c;
	size_t i = A_COUNT - c->left;
	if (err == BELFRY_EAWAY || !reply) {
		if (err == BELFRY_EAWAY)
			op->err = err;
		op->refused = true;
	} else if (i == A_COUNT) {
		check_replicas(op, reply);
	} else if (reply_is_array(reply, 2) && reply_str(reply->element[1])) {
		snprintf(op->values[i], sizeof op->values[i], "%s",
			 reply->element[1]->str);
	} else if (i < A_NODE_BYTES) {
		op->refused = true;
	}
	if (c->left)
		return;
	if (!op->err) {
		check_values(op);
		check_failover(op);
	}
	check_end(op);
}

/* Too old to come up at all: that is all there is to say. */
static void on_too_old(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct check_op *op = (struct check_op *)c;
	(void)err;
	(void)reply;
	char line[120];
	snprintf(line, sizeof line, "this is Redis %s: 7.0 or later is needed",
		 c->s->version);
	finding(op, true, line);
	check_end(op);
}

/* Now, as the next round forgets what this one has found. */
static void on_looked(void *arg)
{
	struct check_op *op = arg;
	const struct redis_store *s = op->call.s;
	sentinels_findings(s->sentinels, &s->url.host, &op->sentinels);
	call_send(&op->call);
}

void store_redis_check(struct store *st, store_redis_check_cb cb, void *arg)
{
	struct redis_store *s = redis_of(st);
	struct check_op *op = call_new(s, sizeof *op, on_check);
	op->cb = cb;
	op->arg = arg;
	if (s->version_major && s->version_major < 7) {
		op->call.on_reply = on_too_old;
		call_fail(&op->call, BELFRY_OK);
		return;
	}
	for (size_t i = 0; i < A_COUNT; i++)
		cmd_words(&op->call, "CONFIG", "GET", asked[i], NULL);
	cmd_words(&op->call, "INFO", "replication", NULL);
	if (s->sentinels && s->state == SESSION_UP)
		sentinels_look(s->sentinels, on_looked, &op->call);
	else
		call_send(&op->call);
}
