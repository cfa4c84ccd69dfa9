#include "holding.h"

#include <belfry/base/clock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void begin(struct world *w, struct worker *k, const char *config)
{
	world_start(w);
	world_feed(w, "deploys", config);
	world_join_one(w, "deploys", ANN, FORMAT_CHAT);
	world_join_one(w, "deploys", BOB, FORMAT_CHAT);
	worker_start(w, k, 0);
}

void post(struct world *w, unsigned events)
{
	for (unsigned i = 0; i < events; i++)
		world_commit(w, "deploys", "{\"title\":\"an event\"}");
}

void set(struct world *w, const char *jid, unsigned what, struct sub_options o)
{
	const struct sub_change c = {.set = what, .only_existing = true, .options = o};
	world_change(w, "deploys", jid, &c);
}

void post_urgent(struct world *w)
{
	world_commit(w, "deploys", "{\"title\":\"urgent\"}");
}

void pause_row(struct world *w, const char *jid)
{
	set(w, jid, SUB_SET_PAUSED, (struct sub_options){.paused = true});
}

void resume_row(struct world *w, const char *jid)
{
	set(w, jid, SUB_SET_PAUSED, (struct sub_options){0});
}

struct sub_options quiet_for(unsigned minutes, bool urgent_passes)
{
	unsigned minute = (unsigned)(clock_wall_ms() / 60000 % 1440);
	return (struct sub_options){.quiet = {.set = true,
					      .from = minute,
					      .to = (minute + minutes) % 1440,
					      .zone = "UTC"},
				    .urgent_passes = urgent_passes};
}

void settle(struct worker *k)
{
	for (unsigned i = 0; i < 30; i++) {
		world_skip(100);
		world_turns(k->world, 10);
		worker_run(k);
	}
}

void pass(struct worker *k, uint64_t ms)
{
	world_pass(k->world, ms);
	settle(k);
}

size_t sent_to(const struct worker *k, const char *jid, size_t n)
{
	for (size_t i = 0; i < recorder_messages(k->link); i++) {
		char *to = recorder_attribute(k->link, i, "to");
		bool is = strcmp(to, jid) == 0;
		free(to);
		if (is && n-- == 0)
			return i;
	}
	return SIZE_MAX;
}

size_t count_to(const struct worker *k, const char *jid)
{
	size_t n = 0;
	while (sent_to(k, jid, n) != SIZE_MAX)
		n++;
	return n;
}

unsigned event_of(const struct worker *k, size_t index)
{
	char *id = recorder_attribute(k->link, index, "id");
	unsigned n = (unsigned)strtoul(strchr(id, '-') + 1, NULL, 10);
	free(id);
	return n;
}

void assert_sent(const struct worker *k, const char *jid, const char *want)
{
	char got[256] = "";
	for (size_t n = 0, i; (i = sent_to(k, jid, n)) != SIZE_MAX; n++) {
		size_t len = strlen(got);
		snprintf(got + len, sizeof(got) - len, "%s%u", n ? " " : "",
			 event_of(k, i));
	}
	assert_string_equal(got, want);
}

bool contains(const struct worker *k, size_t index, const char *text)
{
	size_t len;
	const char *s = recorder_message(k->link, index, &len);
	return memmem(s, len, text, strlen(text)) != NULL;
}

void bounce(struct worker *k, const char *jid, size_t n, enum bounce_class class)
{
	char *id = recorder_attribute(k->link, sent_to(k, jid, n), "id");
	recorder_bounce(k->link, id, jid, class, "service-unavailable");
	free(id);
}

struct store_counters counters(struct world *w, unsigned event)
{
	return world_counters(w, "deploys", w->ids[event - 1], NULL);
}

void assert_counted(struct world *w, unsigned from, unsigned to, unsigned taken,
		    unsigned held)
{
	for (unsigned event = from; event <= to; event++) {
		assert_int_equal(counters(w, event).taken, taken);
		assert_int_equal(counters(w, event).held, held);
	}
}

enum hold_reason reason(struct world *w, const char *jid)
{
	return world_hold(w, "deploys", jid).reason;
}
