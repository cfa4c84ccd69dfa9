#include "work/prober_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>

#include <stdio.h>
#include <stdlib.h>

#define ROWS_PAGE 200
#define RETRY_MS 5000
#define FEEDS_PAGE (sizeof(((struct prober *)0)->feeds) / sizeof(char *))

void walk_end(struct prober *p)
{
	while (p->feed_count)
		free(p->feeds[--p->feed_count]);
	p->walking = false;
}

void walk_begin(struct prober *p)
{
	walk_end(p);
	p->walking = true;
	p->after[0] = '\0';
	p->cursor = 0;
	p->rest_ms = 0;
}

/* True: it is about another stream, or there is no answer. */
static bool useless(struct prober *p, enum belfry_err err)
{
	p->calling = false;
	p->calls--;
	prober_arm(p);
	if (p->walk != p->stream || !p->up)
		return true;
	if (err && err != BELFRY_ENOFEED)
		p->rest_ms = clock_mono_ms() + RETRY_MS;
	return err && err != BELFRY_ENOFEED;
}

static void on_rows(void *arg, enum belfry_err err, const struct store_row *rows,
		    size_t count, uint32_t next)
{
	struct prober *p = arg;
	if (useless(p, err))
		return;
	const char *feed = p->feeds[p->feed_count - 1];
	for (size_t i = 0; !err && i < count; i++)
		if (rows[i].sub.options_len && sub_minds_presence(&rows[i].sub))
			prober_expect(p, feed, rows[i].jid);
	p->cursor = err ? 0 : next;
	if (!p->cursor)
		free(p->feeds[--p->feed_count]);
}

static void on_feeds(void *arg, enum belfry_err err, const struct store_feed *feeds,
		     size_t count, bool more)
{
	struct prober *p = arg;
	if (useless(p, err))
		return;
	p->walking = more && count;
	for (size_t i = 0; i < count && p->feed_count < FEEDS_PAGE; i++)
		if (feeds[i].watched)
			p->feeds[p->feed_count++] = xstrdup(feeds[i].name);
	if (count)
		snprintf(p->after, sizeof(p->after), "%s", feeds[count - 1].name);
}

bool walk_step(struct prober *p)
{
	struct store *s = p->store;
	if (p->calling || clock_mono_ms() < p->rest_ms || (!p->feed_count && !p->walking))
		return false;
	p->calling = true;
	p->calls++;
	p->walk = p->stream;
	if (p->feed_count)
		s->ops->sub_list(s, p->feeds[p->feed_count - 1], p->cursor, ROWS_PAGE,
				 on_rows, p);
	else
		s->ops->feed_list(s, p->after, FEEDS_PAGE, on_feeds, p);
	return true;
}
