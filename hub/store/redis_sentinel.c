#include "store/redis_sentinel.h"

#include "store/redis_conn.h"
#include "store/redis_reply.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUND_MS 1000
#define WHY_SIZE 100
#define REPLY_BYTES_MAX ((size_t)64 * 1024)

/* Which answer comes next. */
enum expect { NOTHING, LOGIN, MASTER, QUORUM };

struct link {
	struct sentinels *all;
	const struct redis_host *at;
	struct redis_url url; /* what the connection goes by: AT alone */
	struct conn *conn;
	bool up;
	bool voted; /* has answered in this round, or cannot */
	enum expect expect;
	struct redis_host says; /* of the last round; without a name: nothing */
	char why[WHY_SIZE];	/* says nothing */
	char quorum[WHY_SIZE];	/* its answer to CKQUORUM */
	bool quorum_ok;
};

struct looker {
	struct looker *next;
	loop_cb cb;
	void *arg;
};

struct sentinels {
	const struct redis_url *url;
	char *user, *password;
	sentinels_cb cb;
	void *arg;
	struct loop_timer *deadline; /* armed: a round is under way */
	uint64_t round_ms;
	bool told;    /* what the round has found */
	size_t first; /* counts where equally many name different ones; another each time
		       */
	struct looker *lookers;
	size_t count;
	struct link links[];
};

/* What a server says may be shown to somebody: it gets no control over his terminal. */
static void keep(char out[WHY_SIZE], const char *text)
{
	snprintf(out, WHY_SIZE, "%s", text);
	for (char *c = out; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
			*c = '?';
}

static void put_questions(struct link *l)
{
	const char *name = l->all->url->master;
	conn_put(l->conn,
		 (const char *const[]){"SENTINEL", "GET-MASTER-ADDR-BY-NAME", name}, 3);
	conn_put(l->conn, (const char *const[]){"SENTINEL", "CKQUORUM", name}, 3);
}

/* ---- What a round has found ---- */

static size_t votes_for(const struct sentinels *all, const struct redis_host *host)
{
	size_t votes = 0;
	for (size_t i = 0; i < all->count; i++)
		votes +=
			all->links[i].voted && redis_host_same(&all->links[i].says, host);
	return votes;
}

static const struct link *elected(const struct sentinels *all, size_t *votes)
{
	const struct link *best = NULL;
	*votes = 0;
	for (size_t i = 0; i < all->count; i++) {
		const struct link *l = &all->links[(all->first + i) % all->count];
		size_t n = votes_for(all, &l->says);
		if (n > *votes) {
			*votes = n;
			best = l;
		}
	}
	return best;
}

static void tell(struct sentinels *all, const struct link *best, size_t votes)
{
	const struct link *l = &all->links[all->first];
	char why[WHY_SIZE + 300];
	all->told = true;
	if (best) {
		all->cb(all->arg, &best->says, votes > all->count / 2, NULL);
		return;
	}
	snprintf(why, sizeof why, "no Sentinel names the master (%s:%u: %s)", l->at->name,
		 l->at->port, l->why);
	all->cb(all->arg, NULL, false, why);
}

static void end_round(struct sentinels *all)
{
	struct looker *list = all->lookers;
	loop_timer_disarm(all->deadline);
	all->lookers = NULL;
	while (list) {
		struct looker *one = list;
		list = one->next;
		one->cb(one->arg);
		free(one);
	}
}

/* One more has answered, or will not. */
static void look_at_round(struct sentinels *all)
{
	size_t votes, voted = 0, quiet = 0;
	if (!loop_timer_armed(all->deadline))
		return;
	for (size_t i = 0; i < all->count; i++) {
		voted += all->links[i].voted;
		quiet += all->links[i].voted && all->links[i].expect == NOTHING;
	}
	const struct link *best = elected(all, &votes);
	if (!all->told && (voted == all->count || votes > all->count / 2))
		tell(all, best, votes);
	if (quiet == all->count)
		end_round(all);
}

/* ---- One Sentinel ---- */

static void forget(struct link *l)
{
	free(l->says.name);
	l->says = (struct redis_host){0};
	l->quorum[0] = '\0';
	l->quorum_ok = false;
}

static void link_close(struct link *l, const char *why)
{
	conn_close(l->conn);
	forget(l);
	keep(l->why, why);
	l->up = false;
	l->voted = true;
	l->expect = NOTHING;
}

static void on_lost(void *arg, const char *why)
{
	struct link *l = arg;
	link_close(l, why);
	look_at_round(l->all);
}

static void on_open(void *arg)
{
	struct link *l = arg;
	const struct sentinels *all = l->all;
	l->up = true;
	l->expect = all->password ? LOGIN : MASTER;
	if (all->password)
		conn_put_auth(l->conn, all->user, all->password);
	put_questions(l);
}

/* Of what a server says about a password only the code is shown: it may quote it. */
static void take_login(struct link *l, const redisReply *reply)
{
	l->expect = MASTER;
	if (reply->type != REDIS_REPLY_ERROR)
		return;
	char why[WHY_SIZE];
	snprintf(why, sizeof why, "it refuses redis.sentinel_password_file (%.*s)",
		 (int)strcspn(reply->str, " "), reply->str);
	link_close(l, why);
}

static const char *read_master(struct redis_host *out, const redisReply *reply)
{
	uint64_t port;
	if (reply->type == REDIS_REPLY_NIL ||
	    (reply->type == REDIS_REPLY_ARRAY && !reply->elements))
		return "it knows no master of that name";
	if (reply->type == REDIS_REPLY_ERROR)
		return reply->str;
	if (!reply_is_array(reply, 2) || !reply_str(reply->element[0]) ||
	    reply_u64(reply->element[1], &port) < 0 || port == 0 || port > 65535)
		return "what it says is no address";
	const char *name = reply_str(reply->element[0]);
	size_t len = strlen(name);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] <= ' ' || (unsigned char)name[i] >= 0x7f)
			return "what it says is no address";
	if (!len || len > 255)
		return "what it says is no address";
	*out = (struct redis_host){xmemdup0(name, len), (uint16_t)port};
	return NULL;
}

static void take_master(struct link *l, const redisReply *reply)
{
	forget(l);
	l->expect = QUORUM;
	l->voted = true;
	const char *why = read_master(&l->says, reply);
	keep(l->why, why ? why : "");
}

static void take_quorum(struct link *l, const redisReply *reply)
{
	l->expect = NOTHING;
	l->quorum_ok = reply->type != REDIS_REPLY_ERROR;
	if (reply_is_text(reply) || reply->type == REDIS_REPLY_ERROR)
		keep(l->quorum, reply->str);
}

static void on_reply(void *arg, const redisReply *reply)
{
	struct link *l = arg;
	switch (l->expect) {
	case LOGIN:
		take_login(l, reply);
		break;
	case MASTER:
		take_master(l, reply);
		break;
	case QUORUM:
		take_quorum(l, reply);
		break;
	case NOTHING:
		link_close(l, "it answers what was not asked");
		break;
	}
	look_at_round(l->all);
}

static const struct conn_events events = {on_open, on_reply, on_lost};

/* ---- Rounds ---- */

static void on_deadline(void *arg)
{
	struct sentinels *all = arg;
	size_t votes;
	for (size_t i = 0; i < all->count; i++) {
		struct link *l = &all->links[i];
		if (!l->voted || l->expect != NOTHING)
			link_close(l, "no answer in time");
	}
	const struct link *best = elected(all, &votes);
	if (!all->told)
		tell(all, best, votes);
	end_round(all);
}

void sentinels_ask(struct sentinels *all)
{
	if (loop_timer_armed(all->deadline)) {
		if (!all->told || all->lookers)
			return;
		on_deadline(all); /* there were laggards */
	}
	all->told = false;
	all->first = all->first + 1 < all->count ? all->first + 1 : 0;
	loop_timer_arm(all->deadline, all->round_ms);
	for (size_t i = 0; i < all->count; i++) {
		struct link *l = &all->links[i];
		l->voted = false;
		if (l->up) {
			l->expect = MASTER;
			put_questions(l);
		} else {
			l->expect = LOGIN; /* not NOTHING: it is under way */
			conn_connect(l->conn);
		}
	}
}

void sentinels_look(struct sentinels *all, loop_cb cb, void *arg)
{
	struct looker *one = xmalloc(sizeof *one);
	*one = (struct looker){all->lookers, cb, arg};
	if (loop_timer_armed(all->deadline) && all->told)
		on_deadline(all);
	all->lookers = one;
	sentinels_ask(all);
}

struct sentinels *sentinels_create(struct loop *loop, const struct redis_url *url,
				   const struct config *config, sentinels_cb cb,
				   void *arg)
{
	const char *user = config->redis.sentinel_user;
	const char *password = config->redis.sentinel_password;
	uint64_t timeout_ms = config->redis.timeout_ms;
	struct sentinels *all =
		xcalloc(1, sizeof *all + url->sentinel_count * sizeof(struct link));
	all->url = url;
	all->user = user ? xstrdup(user) : NULL;
	all->password = password ? xstrdup(password) : NULL;
	all->cb = cb;
	all->arg = arg;
	all->round_ms = timeout_ms && timeout_ms < ROUND_MS ? timeout_ms : ROUND_MS;
	all->deadline = loop_timer_create(loop, on_deadline, all);
	all->count = url->sentinel_count;
	for (size_t i = 0; i < all->count; i++) {
		struct link *l = &all->links[i];
		l->all = all;
		l->at = &url->sentinels[i];
		l->url.host = url->sentinels[i];
		l->conn = conn_create(loop, &l->url, &events, l);
		conn_bound(l->conn, REPLY_BYTES_MAX);
	}
	return all;
}

void sentinels_destroy(struct sentinels *all)
{
	if (!all)
		return;
	end_round(all);
	loop_timer_destroy(all->deadline);
	for (size_t i = 0; i < all->count; i++) {
		conn_destroy(all->links[i].conn);
		forget(&all->links[i]);
	}
	if (all->password)
		explicit_bzero(all->password, strlen(all->password));
	free(all->password);
	free(all->user);
	free(all);
}

/* ---- For `belfry check` ---- */

static void link_findings(const struct link *l, const struct redis_host *master,
			  struct buf *out)
{
	const char *name = l->at->name;
	unsigned port = l->at->port;
	if (!l->says.name)
		buf_printf(out, "warning: the Sentinel %s:%u is of no help: %s\n", name,
			   port, l->why);
	else if (!redis_host_same(&l->says, master))
		buf_printf(out,
			   "warning: the Sentinel %s:%u names another master, %s:%u: "
			   "look at its log\n",
			   name, port, l->says.name, l->says.port);
	else if (!l->quorum_ok)
		buf_printf(out,
			   "warning: the Sentinel %s:%u could not bring about a failover "
			   "now: %s\n",
			   name, port, l->quorum);
}

void sentinels_findings(const struct sentinels *all, const struct redis_host *master,
			struct buf *out)
{
	size_t agree = votes_for(all, master), quorum = 0;
	for (size_t i = 0; i < all->count; i++) {
		const struct link *l = &all->links[i];
		quorum += l->quorum_ok && redis_host_same(&l->says, master);
		link_findings(l, master, out);
	}
	buf_printf(out,
		   "note: %zu of %zu Sentinels name %s:%u as the master %s; %zu of them "
		   "reach the quorum for a failover\n",
		   agree, all->count, master->name, master->port, all->url->master,
		   quorum);
	if (all->count < 3)
		buf_printf(
			out,
			"warning: redis.url names %zu Sentinel%s: with fewer than three "
			"the loss of one can leave nobody who says where the master "
			"is\n",
			all->count, all->count == 1 ? "" : "s");
}
