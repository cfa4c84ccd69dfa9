#include "digesting.h"

#include <belfry/base/clock.h>
#include <belfry/core/id.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

uint64_t passed_ms;

void begin_hourly(struct world *w, struct worker *k, const char *config)
{
	passed_ms = 0;
	begin(w, k, config);
	set(w, ANN, SUB_SET_DIGEST, HOURLY);
}

void begin_gathered(struct world *w, struct worker *k, const char *config,
		    unsigned events)
{
	begin_hourly(w, k, config);
	post_some(w, events);
	worker_run(k);
}

void send_digest(struct worker *k)
{
	passed_ms += HOUR_MS;
	world_pass(k->world, HOUR_MS);
	worker_until_sent(k, recorder_messages(k->link) + 1, false);
}

void post_doc(struct world *w, const char *doc)
{
	w->at_ms = clock_wall_ms() + passed_ms;
	world_commit(w, "deploys", doc);
}

void post_some(struct world *w, unsigned events)
{
	while (events--)
		post_doc(w, "{\"title\":\"an event\"}");
}

void wait_for(struct worker *k, uint64_t ms)
{
	passed_ms += ms;
	pass(k, ms);
}

const char *events_of(const struct worker *k, const char *jid, size_t n)
{
	static char text[64];
	char *id = recorder_attribute(k->link, sent_to(k, jid, n), "id");
	struct stanza_id sid;
	assert_int_equal(stanza_id_parse(id, strlen(id), &sid), 0);
	free(id);
	snprintf(text, sizeof(text), sid.members ? "%llu+%llx" : "%llu",
		 (unsigned long long)sid.n, (unsigned long long)sid.members);
	return text;
}

void check_counters(struct world *w, unsigned from, unsigned to, uint64_t taken,
		    uint64_t held, uint64_t bounced)
{
	for (unsigned event = from; event <= to; event++) {
		struct store_counters c = counters(w, event);
		assert_int_equal(c.taken, taken);
		assert_int_equal(c.held, held);
		assert_int_equal(c.bounced, bounced);
	}
}

unsigned events_to(const struct worker *k, const char *jid)
{
	unsigned n = 0;
	for (size_t i = 0; i < recorder_messages(k->link); i++) {
		char *id = recorder_attribute(k->link, i, "id");
		char *to = recorder_attribute(k->link, i, "to");
		struct stanza_id sid;
		bool its = strcmp(to, jid) == 0;
		free(to);
		if (!its) {
			free(id);
			continue;
		}
		assert_int_equal(stanza_id_parse(id, strlen(id), &sid), 0);
		n += sid.members ? (unsigned)__builtin_popcountll(sid.members) : 1;
		free(id);
	}
	return n;
}
