#include "session.h"
#include "commands_int.h"
#include "reply.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/base/mem.h>
#include <belfry/base/random.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC 0x5e551011u
#define SMALL_ANSWER_BYTES 2048
#define HINTS 4096
/* Two JIDs, an echo and one more entry of a list, escaped. */
#define REPLY_MARGIN_BYTES ((size_t)24 * 1024)
#define UNSENT_QUIET_MS ((uint64_t)60 * 1000)
#define HELP_EVERY_MS ((uint64_t)6 * 60 * 1000)
#define HELP_BURST 10
#define HOUR_MS ((uint64_t)60 * 60 * 1000)
#define MISUSED_BURST 3
#define LAST_EVERY_MS ((uint64_t)60 * 1000)
#define LAST_BURST 10

/* How many questions to the hub may be open. */
static const struct {
	size_t a_jid, all;
} open_max[COSTS] = {
	[COST_LITTLE] = {32, 1024}, /* these are all */
	[COST_OWN] = {1, 8},
	[COST_FEEDS] = {2, 16},
	[COST_ITEMS] = {2, 16},
};

/* A hash of JID and kind picks the entry; the newcomer wins it. */
struct hint_entry {
	uint64_t key;
	uint64_t until_ms; /* when all that was told is forgotten again */
};

struct session *session_create(const char *domain, size_t max_stanza_bytes,
			       const struct xmpp_hub *hub, const struct session_out *out,
			       void *arg)
{
	struct session *s = xcalloc(1, sizeof(*s));
	s->magic = MAGIC;
	s->domain = domain;
	s->max_stanza_bytes = max_stanza_bytes;
	s->hub = hub;
	s->out = out;
	s->arg = arg;
	s->hints = xcalloc(HINTS, sizeof(*s->hints));
	s->presences = presences_create();
	random_fill(&s->hint_seed, sizeof(s->hint_seed));
	session_begin(s);
	return s;
}

void session_destroy(struct session *s)
{
	if (s == NULL)
		return;
	assert(s->magic == MAGIC);
	for (struct request *r = s->requests; r != NULL; r = r->next)
		r->session = NULL;
	s->magic = 0;
	presences_destroy(s->presences);
	free(s->hints);
	free(s);
}

void session_use_service(struct session *s, const char *service)
{
	s->service = service;
}

void session_use_contacts(struct session *s, const struct config *config)
{
	s->contacts = config;
}

void session_begin(struct session *s)
{
	s->stream++;
	random_hex(s->nonce, SESSION_NONCE_BYTES);
	presences_begin(s);
}

void session_end(struct session *s)
{
	s->stream++;
	presences_hold(s);
}

/* Others can bring it about, and fill the log. */
static void warn_unsent(struct session *s, size_t bytes)
{
	uint64_t now = clock_mono_ms();
	if (s->unsent_ms > 0 && now - s->unsent_ms < UNSENT_QUIET_MS)
		return;
	s->unsent_ms = now;
	log_warn("an answer is larger than xmpp.max_stanza_bytes, not sent",
		 log_u("bytes", bytes));
}

void session_send(struct session *s, const struct buf *b)
{
	if (b->len <= s->max_stanza_bytes)
		s->out->send(s->arg, b->data, b->len);
	else
		warn_unsent(s, b->len);
}

bool session_room(const struct session *s, size_t len)
{
	return len <= SMALL_ANSWER_BYTES || s->out->room(s->arg);
}

size_t session_list_bytes(const struct session *s)
{
	return s->max_stanza_bytes > 2 * REPLY_MARGIN_BYTES
		       ? s->max_stanza_bytes - REPLY_MARGIN_BYTES
		       : s->max_stanza_bytes / 2;
}

enum crowd session_crowd(const struct session *s, enum cost cost, const char *bare)
{
	size_t own = 0, all = 0;
	for (const struct request *r = s->requests; r != NULL; r = r->next) {
		if (cost == COST_LITTLE ? r->presence : r->cost != cost)
			continue;
		all++;
		own += strcmp(r->bare, bare) == 0;
	}
	if (own >= open_max[cost].a_jid)
		return CROWD_OWN;
	return all >= open_max[cost].all ? CROWD_ALL : CROWD_NONE;
}

static void say_crowd(struct session *s, const struct incoming *in, bool chat,
		      enum crowd crowd)
{
	if (!chat) {
		reply_busy(s, in);
	} else if (session_hint_due(s, HINT_CROWD, in->bare)) {
		char *thread = chat_thread(in);
		reply_chat(s, in->to, in->from, thread, reply_crowd_text(crowd));
		free(thread);
	}
}

static char *copy(const char *text)
{
	return text != NULL ? xstrdup(text) : NULL;
}

struct request *request_create(struct session *s, const struct incoming *in, bool chat)
{
	enum crowd crowd = session_crowd(s, COST_LITTLE, in->bare);
	if (crowd != CROWD_NONE) {
		say_crowd(s, in, chat, crowd);
		return NULL;
	}
	return request_make(s, in, chat);
}

struct request *request_costly(struct session *s, const struct incoming *in,
			       enum cost cost)
{
	if (!reply_has_room(s, in))
		return NULL;
	if (session_crowd(s, cost, in->bare) != CROWD_NONE) {
		reply_busy(s, in);
		return NULL;
	}
	struct request *r = request_create(s, in, false);
	if (r != NULL)
		r->cost = cost;
	return r;
}

struct request *request_make(struct session *s, const struct incoming *in, bool chat)
{
	struct request *r = xcalloc(1, sizeof(*r));
	r->session = s;
	r->stream = s->stream;
	r->from = xstrdup(in->from);
	r->bare = xstrdup(in->bare);
	r->to = xstrdup(in->to);
	r->id = copy(in->id);
	r->feed = copy(in->feed);
	r->place = in->place;
	r->chat = chat;
	r->next = s->requests;
	r->link = &s->requests;
	if (r->next != NULL)
		r->next->link = &r->next;
	s->requests = r;
	return r;
}

bool request_live(const struct request *r)
{
	return r->session != NULL && r->stream == r->session->stream;
}

void request_free(struct request *r)
{
	if (r->session != NULL) {
		*r->link = r->next;
		if (r->next != NULL)
			r->next->link = r->link;
	}
	free(r->from);
	free(r->bare);
	free(r->to);
	free(r->id);
	free(r->feed);
	free(r->jid);
	free(r->thread);
	free(r->after);
	free(r->text);
	command_call_free(r->call);
	buf_free(&r->found);
	free(r);
}

static uint64_t hint_key(uint64_t seed, enum hint kind, const char *bare)
{
	uint64_t h = seed ^ 14695981039346656037u;
	for (const char *p = bare; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211u;
	h = (h ^ (uint64_t)kind) * 1099511628211u;
	return h ^ h >> 29;
}

static const struct hint_pace {
	uint64_t every_ms; /* 0: once */
	unsigned burst;
} hint_paces[] = {
	[HINT_UNKNOWN] = {HOUR_MS, 1},
	[HINT_HELP] = {HELP_EVERY_MS, HELP_BURST},
	[HINT_MISUSED] = {HOUR_MS / MISUSED_BURST, MISUSED_BURST},
	[HINT_ENCRYPTED] = {0, 0},
	[HINT_REFUSED] = {HOUR_MS, 1},
	[HINT_STAYS] = {HELP_EVERY_MS, HELP_BURST},
	[HINT_ANSWERED] = {HELP_EVERY_MS, HELP_BURST},
	[HINT_BOUNCED] = {HELP_EVERY_MS, HELP_BURST},
	[HINT_CROWD] = {HELP_EVERY_MS, HELP_BURST},
	[HINT_LAST] = {LAST_EVERY_MS, LAST_BURST},
	[HINT_LAST_ENDS] = {LAST_EVERY_MS, 1},
};

bool session_hint_due(struct session *s, enum hint kind, const char *bare)
{
	uint64_t key = hint_key(s->hint_seed, kind, bare);
	uint64_t now = clock_mono_ms();
	struct hint_entry *e = &s->hints[key % HINTS];
	uint64_t until = e->key == key && e->until_ms > now ? e->until_ms : now;
	const struct hint_pace *pace = &hint_paces[kind];
	if (pace->every_ms == 0 ? until == UINT64_MAX
				: until - now > (pace->burst - 1) * pace->every_ms)
		return false;
	e->key = key;
	e->until_ms = pace->every_ms == 0 ? UINT64_MAX : until + pace->every_ms;
	return true;
}

static xmpp_stanza_t *skip_text(xmpp_stanza_t *e)
{
	while (e != NULL && !xmpp_stanza_is_tag(e))
		e = xmpp_stanza_get_next(e);
	return e;
}

xmpp_stanza_t *element_first(xmpp_stanza_t *stanza)
{
	return skip_text(xmpp_stanza_get_children(stanza));
}

xmpp_stanza_t *element_next(xmpp_stanza_t *child)
{
	return skip_text(xmpp_stanza_get_next(child));
}

bool element_is(xmpp_stanza_t *e, const char *name, const char *ns)
{
	const char *n = xmpp_stanza_get_name(e), *x = xmpp_stanza_get_ns(e);
	return n != NULL && strcmp(n, name) == 0 &&
	       (ns == NULL || (x != NULL && strcmp(x, ns) == 0));
}

xmpp_stanza_t *element_find(xmpp_stanza_t *parent, const char *name, const char *ns)
{
	xmpp_stanza_t *e = element_first(parent);
	while (e != NULL && !element_is(e, name, ns))
		e = element_next(e);
	return e;
}

char *element_text(xmpp_stanza_t *e)
{
	struct buf text = {0};
	xmpp_stanza_t *child = e != NULL ? xmpp_stanza_get_children(e) : NULL;
	for (; child != NULL; child = xmpp_stanza_get_next(child)) {
		const char *part = xmpp_stanza_is_text(child)
					   ? xmpp_stanza_get_text_ptr(child)
					   : NULL;
		if (part != NULL)
			buf_adds(&text, part);
	}
	return text.data != NULL ? buf_steal(&text) : xstrdup("");
}
