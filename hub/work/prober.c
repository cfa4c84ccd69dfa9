#include "work/prober_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>
#include <belfry/core/jid.h>
#include <belfry/xmpp/presence.h>

#include <stdlib.h>
#include <string.h>

#define TICK_MS 20
#define LOOKS_A_TICK 4
#define WAKES_A_TICK 20
#define CALLS_MAX 64
#define GLANCES_MAX 200000
#define FIRST_MAX 4096 /* the others wait with all */
#define ANSWER_MS 10000

/* ---- Lists ------------------------------------------------------------------------ */

static void list_init(struct glances *list)
{
	*list = (struct glances){.last = NULL};
	list->last = &list->first;
}

void glance_put(struct glances *list, struct glance *g)
{
	g->next = NULL;
	*list->last = g;
	list->last = &g->next;
	list->count++;
}

struct glance *glance_add(struct glances *list, const char *feed, const char *jid)
{
	if (list->count >= GLANCES_MAX)
		return NULL;
	struct glance *g = xcalloc(1, sizeof(*g));
	g->feed = xstrdup(feed);
	g->jid = xstrdup(jid);
	glance_put(list, g);
	return g;
}

struct glance *glance_find(const struct glances *list, size_t most, const char *feed,
			   const char *jid)
{
	struct glance *g = list->first;
	for (size_t n = 0; g && n < most; g = g->next, n++)
		if (strcmp(g->jid, jid) == 0 && strcmp(g->feed, feed) == 0)
			return g;
	return NULL;
}

struct glance *glance_take(struct glances *list)
{
	struct glance *g = list->first;
	if (!g)
		return NULL;
	list->first = g->next;
	if (!g->next)
		list->last = &list->first;
	list->count--;
	return g;
}

void glance_free(struct glance *g)
{
	free(g->feed);
	free(g->jid);
	free(g);
}

static void list_clear(struct glances *list)
{
	for (struct glance *g; (g = glance_take(list)) != NULL;)
		glance_free(g);
}

/* ---- One after the other ----------------------------------------------------------- */

void prober_send(struct prober *p, const char *type, const char *feed, const char *jid)
{
	struct buf out = {0}, from = {0};
	char *bare = jid_bare(jid);
	buf_printf(&from, "%s@%s", feed, p->o.domain);
	presence_render_type(&out, type, from.data, bare);
	p->link->ops->send(p->link, out.data, out.len);
	buf_free(&out);
	buf_free(&from);
	free(bare);
}

static bool any(const struct prober *p)
{
	return p->first.count || p->todo.count || p->asleep.count || p->wakes.count ||
	       p->walking || p->feed_count;
}

void prober_arm(struct prober *p)
{
	if (p->up && any(p) && !loop_timer_armed(p->tick))
		loop_timer_arm(p->tick, TICK_MS);
}

static bool may_look(const struct prober *p)
{
	return p->calls < CALLS_MAX && p->link->ops->room(p->link) &&
	       p->o.may_write(p->o.arg);
}

/* The two lists take turns; NULL: nobody is to be looked at now. */
static struct glance *take_next(struct prober *p, bool first, uint64_t now)
{
	struct glances *const lists[] = {&p->first, &p->todo};
	for (unsigned i = 0; i < 2; i++) {
		struct glances *list = lists[first ? i : 1 - i];
		if (list->first && list->first->due_ms <= now)
			return glance_take(list);
	}
	return NULL;
}

static void on_tick(void *arg)
{
	struct prober *p = arg;
	uint64_t now = clock_mono_ms();
	if (!p->up)
		return;
	for (unsigned i = 0; i < WAKES_A_TICK && p->wakes.count && may_look(p); i++)
		wake_next(p);
	for (unsigned i = 0; i < LOOKS_A_TICK && may_look(p); i++) {
		struct glance *g = NULL;
		if (p->asleep.first && p->asleep.first->due_ms <= now)
			look_late(p, glance_take(&p->asleep));
		else if ((g = take_next(p, i % 2 == 0, now)) != NULL)
			look_begin(p, g);
		else if (!walk_step(p))
			break;
	}
	prober_arm(p);
}

/* Where there are too many, nobody waits for what is not looked for. */
static void look_at(struct prober *p, const char *feed, const char *jid)
{
	if (!glance_add(&p->todo, feed, jid))
		availability_settle(p->o.availability, feed, jid);
}

void prober_look(struct prober *p, const char *feed, const char *jid, bool anew)
{
	struct glances *list = p->first.count < FIRST_MAX ? &p->first : &p->todo;
	struct glance *g = glance_find(&p->first, FIRST_MAX, feed, jid);
	if (!g)
		g = glance_add(list, feed, jid);
	if (g)
		g->anew |= anew;
	else
		availability_settle(p->o.availability, feed, jid);
	prober_arm(p);
}

void prober_expect(struct prober *p, const char *feed, const char *jid)
{
	if (availability_expect(p->o.availability, feed, jid))
		look_at(p, feed, jid);
	prober_arm(p);
}

enum availability prober_presence(struct prober *p, const char *feed, const char *jid,
				  bool *soon)
{
	prober_expect(p, feed, jid);
	*soon = availability_soon(p->o.availability, feed, jid);
	return availability_of(p->o.availability, feed, jid);
}

void prober_chosen(void *prober, const char *feed, const char *jid)
{
	struct prober *p = prober;
	availability_expect(p->o.availability, feed, jid);
	prober_look(p, feed, jid, true);
}

/* ---- The link ---------------------------------------------------------------------- */

static void look_again(void *arg, const char *feed, const char *jid)
{
	struct prober *p = arg;
	look_at(p, feed, jid);
}

void prober_up(struct prober *p)
{
	p->up = true;
	p->stream++;
	/* What was chosen just now is done first, and not twice. */
	availability_each(p->o.availability, look_again, p);
	walk_begin(p);
	prober_arm(p);
}

void prober_down(struct prober *p)
{
	struct glances anew;
	p->up = false;
	list_init(&anew);
	availability_stale(p->o.availability);
	for (struct glance *g; (g = glance_take(&p->todo)) != NULL;) {
		if (g->anew)
			glance_put(&anew, g);
		else
			glance_free(g);
	}
	for (struct glance *g; (g = glance_take(&anew)) != NULL;)
		glance_put(&p->todo, g);
	list_clear(&p->asleep);
	walk_end(p);
	loop_timer_disarm(p->tick);
}

/* ---- All of it --------------------------------------------------------------------- */

struct prober *prober_create(struct loop *loop, struct store *store,
			     const struct prober_options *options)
{
	struct prober *p = xcalloc(1, sizeof(*p));
	p->store = store;
	p->o = *options;
	if (!p->o.answer_ms)
		p->o.answer_ms = ANSWER_MS;
	list_init(&p->first);
	list_init(&p->todo);
	list_init(&p->asleep);
	list_init(&p->wakes);
	p->tick = loop_timer_create(loop, on_tick, p);
	availability_listen(p->o.availability, wake_heard, p);
	return p;
}

void prober_use(struct prober *p, struct link *link)
{
	p->link = link;
}

void prober_destroy(struct prober *p)
{
	if (!p)
		return;
	list_clear(&p->first);
	list_clear(&p->todo);
	list_clear(&p->asleep);
	list_clear(&p->wakes);
	walk_end(p);
	loop_timer_destroy(p->tick);
	free(p);
}

void prober_stats(const struct prober *p, struct prober_stats *out)
{
	*out = p->stats;
	out->waiting = p->first.count + p->todo.count + p->asleep.count;
}
