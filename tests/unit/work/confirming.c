#include "confirming.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

void begin_asking(struct world *w, struct worker *k)
{
	world_start(w);
	world_feed(w, "deploys", "{}");
	world_join_one(w, "deploys", ANN, FORMAT_CHAT);
	world_join_one(w, "deploys", BOB, FORMAT_CHAT);
	set(w, ANN, SUB_SET_RECEIPT, (struct sub_options){.receipt = true});
	worker_start(w, k, 0);
	post(w, 1);
	worker_run(k);
}

void confirm_as(struct worker *k, const char *from, size_t n)
{
	char *id = recorder_attribute(k->link, sent_to(k, ANN, n), "id");
	recorder_received(k->link, id, from);
	free(id);
}

void confirm(struct worker *k, size_t n)
{
	confirm_as(k, PHONE, n);
}

void begin_proven(struct world *w, struct worker *k)
{
	struct sub sub;
	begin_asking(w, k);
	confirm(k, 0);
	settle(k);
	assert_int_equal(world_sub(w, "deploys", ANN, &sub), BELFRY_OK);
	assert_int_equal(reason(w, ANN), HOLD_NONE);
}

void another_stream(struct worker *k)
{
	recorder_down(k->link, LINK_END_LOST, "");
	recorder_up(k->link);
	settle(k);
}
