#include "store/redis_internal.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/base/mem.h>
#include <belfry/base/text.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_MS 1000
#define FULL_PERCENT 95u
#define RETRY_MOST_MS 1000 /* with Sentinels: a new master is not to wait for us */

/* One command of the handshake. */
struct step {
	struct call call;
	int script; /* whose SCRIPT LOAD it is */
};

/* Says why the store is down, once for each new reason. */
static void explain(struct redis_store *s, const char *why)
{
	snprintf(s->detail, sizeof s->detail, "%s", why);
	if (strcmp(s->detail, s->logged) == 0)
		return;
	snprintf(s->logged, sizeof s->logged, "%s", why);
	log_warn("redis is away", log_s("why", why));
}

/* Closed, or to be closed: everything under way ends, the next try is set. */
void session_drop(struct redis_store *s, const char *why)
{
	char text[160];
	snprintf(text, sizeof text, "%s", why); /* WHY may be in the reply's arena */
	conn_close(s->conn);
	s->state = SESSION_WAITING;
	loop_timer_disarm(s->deadline);
	loop_timer_disarm(s->poll);
	s->reloading = false;
	s->wait_sent = false;
	s->stats.reconnects++;
	explain(s, text);
	loop_timer_arm(s->retry, backoff_next(&s->backoff));
	calls_lose(s);
}

bool session_is_full(const struct redis_store *s)
{
	return s->max_bytes && s->used_bytes > s->max_bytes / 100 * FULL_PERCENT;
}

void session_arm_deadline(struct redis_store *s)
{
	if (!loop_timer_armed(s->deadline))
		loop_timer_arm(s->deadline, s->timeout_ms);
}

static void on_deadline(void *arg)
{
	struct redis_store *s = arg;
	uint64_t oldest = s->state == SESSION_CONNECTING ? s->connecting_since_ms
							 : calls_oldest_ms(s);
	if (!oldest)
		return;
	uint64_t age = clock_mono_ms() - oldest;
	if (age < s->timeout_ms) {
		loop_timer_arm(s->deadline, s->timeout_ms - age);
		return;
	}
	s->stats.timeouts++;
	session_drop(s, s->state == SESSION_CONNECTING ? "connect: no answer"
						       : "no answer in time");
}

/* ---- INFO ---- */

int info_get(const redisReply *info, const char *name, char *out, size_t size)
{
	size_t len = strlen(name);
	if (!reply_is_text(info))
		return -1;
	for (const char *line = info->str; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, len) == 0 && line[len] == ':') {
			size_t n = strcspn(line + len + 1, "\r\n");
			if (n >= size)
				return -1;
			memcpy(out, line + len + 1, n);
			out[n] = '\0';
			return 0;
		}
	}
	return -1;
}

static uint64_t info_u64(const redisReply *info, const char *name)
{
	char text[32];
	uint64_t v;
	if (info_get(info, name, text, sizeof text) < 0 ||
	    parse_u64(text, strlen(text), UINT64_MAX, &v) < 0)
		return 0;
	return v;
}

static void take_memory(struct redis_store *s, const redisReply *info)
{
	bool was = session_is_full(s);
	s->used_bytes = info_u64(info, "used_memory");
	s->max_bytes = info_u64(info, "maxmemory");
	if (session_is_full(s) != was)
		log_warn(was ? "redis has room again"
			     : "redis is nearly full: no new events",
			 log_u("used_bytes", s->used_bytes),
			 log_u("max_bytes", s->max_bytes));
}

static bool is_replica(const redisReply *info)
{
	char text[16];
	return info_get(info, "role", text, sizeof text) == 0 &&
	       strcmp(text, "master") != 0;
}

static void on_poll_answer(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct redis_store *s = c->s;
	call_free(c);
	if (err == BELFRY_OK && is_replica(reply)) {
		session_drop(s, "this Redis has become a replica");
		return;
	}
	if (err == BELFRY_OK)
		take_memory(s, reply);
	if (s->state == SESSION_UP)
		loop_timer_arm(s->poll, POLL_MS);
}

static void on_poll(void *arg)
{
	struct redis_store *s = arg;
	struct call *c = call_new(s, sizeof *c, on_poll_answer);
	c->internal = true;
	s->pending--;
	if (s->sentinels)
		sentinels_ask(s->sentinels);
	cmd_words(c, "INFO", "memory", "replication", NULL);
	call_send(c);
}

/* ---- The handshake ---- */

static const char *check_info(struct redis_store *s, const redisReply *info)
{
	char text[64];
	uint64_t major;
	if (info_get(info, "redis_version", s->version, sizeof s->version) == 0 &&
	    parse_u64(s->version, strcspn(s->version, "."), 1000, &major) == 0)
		s->version_major = (unsigned)major;
	if (s->version_major < 7)
		return "Redis 7.0 or later is needed";
	if (info_get(info, "loading", text, sizeof text) == 0 && strcmp(text, "0") != 0)
		return "Redis is still loading its data";
	if (is_replica(info))
		return "this Redis is a replica";
	if (info_get(info, "run_id", s->run_id, sizeof s->run_id) < 0 || !s->run_id[0])
		return "INFO shows no run_id";
	take_memory(s, info);
	return NULL;
}

static void raise_schema(struct redis_store *s);

static const char *check_meta(struct redis_store *s, const redisReply *reply)
{
	uint32_t schema, partitions;
	if (!reply_is_array(reply, 2) || reply_u32(reply->element[0], &schema) < 0 ||
	    reply_u32(reply->element[1], &partitions) < 0 || partitions == 0 ||
	    partitions > PARTITIONS_MAX)
		return "belfry:meta cannot be read, or not be written (Redis full?)";
	if (schema != SCHEMA && schema != SCHEMA_BEFORE)
		return "the store has another schema: this Belfry is too old or too new";
	s->partitions = partitions;
	if (schema == SCHEMA_BEFORE)
		raise_schema(s);
	return NULL;
}

/* Ends one step; the last one brings the store up. */
static void step_end(struct call *c, const char *bad)
{
	struct redis_store *s = c->s;
	call_free(c);
	if (bad) {
		session_drop(s, bad);
		return;
	}
	if (--s->handshake_left)
		return;
	s->state = SESSION_UP;
	backoff_reset(&s->backoff);
	s->detail[0] = s->logged[0] = '\0';
	if (s->sentinels) {
		log_info("redis is up", log_s("version", s->version),
			 log_s("master", s->url.host.name),
			 log_u("port", s->url.host.port));
		wake_follow(s->wake);
	} else {
		log_info("redis is up", log_s("version", s->version));
	}
	loop_timer_arm(s->poll, POLL_MS);
}

/* The server's own words, shortened by what holds them. */
static const char *step_error(enum belfry_err err, const redisReply *reply)
{
	if (err || !reply)
		return "lost";
	return reply->type == REDIS_REPLY_ERROR ? reply->str : NULL;
}

/*
 * A server that does not know AUTH, or not by that name, quotes its arguments: of what it
 * says only the code may be shown.
 */
static void on_auth(struct call *c, enum belfry_err err, const redisReply *reply)
{
	char said[120];
	if (err) {
		call_free(c);
		return;
	}
	const char *bad = step_error(err, reply);
	if (bad) {
		snprintf(said, sizeof said,
			 "Redis refuses the password in redis.url or "
			 "redis.password_file (%.*s)",
			 (int)strcspn(bad, " "), bad);
		bad = said;
	}
	step_end(c, bad);
}

static void on_step(struct call *c, enum belfry_err err, const redisReply *reply)
{
	if (err)
		call_free(c);
	else
		step_end(c, step_error(err, reply));
}

static void on_info(struct call *c, enum belfry_err err, const redisReply *reply)
{
	if (err) {
		call_free(c);
		return;
	}
	const char *bad = step_error(err, reply);
	step_end(c, bad ? bad : check_info(c->s, reply));
}

static void on_loaded(struct call *c, enum belfry_err err, const redisReply *reply)
{
	struct step *step = (struct step *)c;
	struct redis_store *s = c->s;
	if (!c->handshake)
		s->reloading = false;
	if (err || !reply) {
		call_free(c);
		return;
	}
	const char *bad = step_error(err, reply);
	const char *sha = reply_str(reply);
	if (!bad && (!sha || strlen(sha) != 40))
		bad = "SCRIPT LOAD has no sum for answer";
	if (!bad && sha)
		memcpy(s->sha[step->script], sha, 41);
	if (c->handshake) {
		step_end(c, bad);
		return;
	}
	call_free(c);
	if (bad)
		session_drop(s, bad);
}

/* HSETNX twice, of which an error shows in what follows. */
static void on_meta(struct call *c, enum belfry_err err, const redisReply *reply)
{
	if (c->left)
		return;
	if (err) {
		call_free(c);
		return;
	}
	const char *bad = step_error(err, reply);
	step_end(c, bad ? bad : check_meta(c->s, reply));
}

static struct call *step_new(struct redis_store *s, call_cb on_reply, bool shake)
{
	struct step *step = call_new(s, sizeof *step, on_reply);
	step->call.internal = true;
	s->pending--;
	step->call.handshake = shake;
	if (shake)
		s->handshake_left++;
	return &step->call;
}

/* From now on a Belfry that does not know what this one writes refuses the store. */
static void raise_schema(struct redis_store *s)
{
	struct call *c = step_new(s, on_step, true);
	cmd_begin(s, "HSET");
	cmd_text(s, "belfry:meta");
	cmd_text(s, "schema");
	cmd_u64(s, SCHEMA);
	cmd_end(c);
	call_send(c);
}

void session_load_scripts(struct redis_store *s, bool shake)
{
	s->reloading = !shake;
	for (int i = 0; i < SCRIPT_COUNT; i++) {
		struct call *c = step_new(s, on_loaded, shake);
		((struct step *)c)->script = i;
		cmd_words(c, "SCRIPT", "LOAD", script_text((enum script)i), NULL);
		call_send(c);
	}
}

static void login(struct redis_store *s)
{
	struct call *c;
	const char *password = s->password ? s->password : s->url.password;
	if (password) {
		c = step_new(s, on_auth, true);
		if (s->url.user)
			cmd_words(c, "AUTH", s->url.user, password, NULL);
		else
			cmd_words(c, "AUTH", password, NULL);
		call_send(c);
	}
	c = step_new(s, on_step, true);
	cmd_begin(s, "SELECT");
	cmd_u64(s, s->url.db);
	cmd_end(c);
	call_send(c);
}

static void handshake(struct redis_store *s)
{
	s->handshake_left = 0;
	login(s);
	struct call *c = step_new(s, on_info, true);
	cmd_words(c, "INFO", NULL);
	call_send(c);
	session_load_scripts(s, true);
	c = step_new(s, on_meta, true);
	char text[16];
	snprintf(text, sizeof text, "%u", SCHEMA);
	cmd_words(c, "HSETNX", "belfry:meta", "schema", text, NULL);
	snprintf(text, sizeof text, "%u", PARTITIONS);
	cmd_words(c, "HSETNX", "belfry:meta", "partitions", text, NULL);
	cmd_words(c, "HMGET", "belfry:meta", "schema", "partitions", NULL);
	call_send(c);
}

/* ---- The connection ---- */

static void on_open(void *arg)
{
	struct redis_store *s = arg;
	s->state = SESSION_HANDSHAKE;
	handshake(s);
}

static void on_reply(void *arg, const redisReply *reply)
{
	calls_answer(arg, reply);
}

static void on_lost(void *arg, const char *why)
{
	session_drop(arg, why);
}

static const struct conn_events events = {on_open, on_reply, on_lost};

static void connect_now(struct redis_store *s)
{
	s->state = SESSION_CONNECTING;
	s->connecting_since_ms = clock_mono_ms();
	loop_timer_arm(s->deadline, s->timeout_ms);
	conn_connect(s->conn);
}

static void on_retry(void *arg)
{
	struct redis_store *s = arg;
	if (!s->sentinels) {
		connect_now(s);
		return;
	}
	s->state = SESSION_ASKING;
	sentinels_ask(s->sentinels);
}

/* That they are silent matters only to the next failover: the master is there. */
static void note_silence(struct redis_store *s, const char *why)
{
	if (why && !s->sentinels_silent)
		log_warn("a failover would not be found", log_s("why", why));
	s->sentinels_silent = why != NULL;
}

static void on_named(void *arg, const struct redis_host *master, bool most,
		     const char *why)
{
	struct redis_store *s = arg;
	switch (s->state) {
	case SESSION_WAITING:
		return;
	case SESSION_ASKING:
		if (!master) {
			session_drop(s, why);
			return;
		}
		if (!redis_host_same(&s->url.host, master)) {
			free(s->url.host.name);
			s->url.host =
				(struct redis_host){xstrdup(master->name), master->port};
		}
		connect_now(s);
		return;
	case SESSION_CONNECTING:
	case SESSION_HANDSHAKE:
	case SESSION_UP:
		note_silence(s, why);
		if (most && !redis_host_same(&s->url.host, master))
			session_drop(s, "the Sentinels name another master");
		return;
	}
}

void session_init(struct redis_store *s, const struct config *config)
{
	s->password = config->redis.password ? xstrdup(config->redis.password) : NULL;
	s->wait_replicas = config->redis.wait_replicas;
	s->timeout_ms = config->redis.timeout_ms ? config->redis.timeout_ms : 3000;
	s->allow_data_loss = config->redis.allow_data_loss;
	s->partitions = PARTITIONS;
	s->backoff = (struct backoff){.first_ms = 100, .max_ms = 5000};
	if (s->url.master) {
		s->backoff.max_ms = RETRY_MOST_MS;
		s->sentinels = sentinels_create(s->loop, &s->url, config, on_named, s);
	}
	snprintf(s->detail, sizeof s->detail, "not connected yet");
	s->conn = conn_create(s->loop, &s->url, &events, s);
	s->retry = loop_timer_create(s->loop, on_retry, s);
	s->deadline = loop_timer_create(s->loop, on_deadline, s);
	s->poll = loop_timer_create(s->loop, on_poll, s);
	loop_timer_arm(s->retry, 0);
}

void session_finish(struct redis_store *s)
{
	conn_close(s->conn);
	s->state = SESSION_WAITING;
	sentinels_destroy(s->sentinels);
	s->sentinels = NULL;
	loop_timer_destroy(s->retry);
	loop_timer_destroy(s->deadline);
	loop_timer_destroy(s->poll);
	conn_destroy(s->conn);
	if (s->password)
		explicit_bzero(s->password, strlen(s->password));
	free(s->password);
}
