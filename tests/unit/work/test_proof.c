#include "confirming.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* The first receipt of a row, whatever happens to it meanwhile. */

/* How often ANN was sent the event with that number. */
static unsigned times(const struct worker *k, unsigned event)
{
	unsigned n = 0;
	for (size_t i = 0, at; (at = sent_to(k, ANN, i)) != SIZE_MAX; i++)
		n += event_of(k, at) == event;
	return n;
}

/* What came back late is being told: one event of it stands for all, as she has not
 * confirmed any by then. */
static void proven_behind_a_look(unsigned turns)
{
	struct world w;
	struct worker k;
	begin_asking(&w, &k);
	post(&w, 3);
	worker_run(&k);
	bounce(&k, ANN, 1, BOUNCE_RETRIES);
	bounce(&k, ANN, 3, BOUNCE_RETRIES);
	world_turns(&w, turns);
	confirm(&k, 0);
	settle(&k);
	for (unsigned i = 0; i < 3; i++)
		pass(&k, LATER_MS);
	assert_int_equal(times(&k, 2), 2);
	assert_int_equal(times(&k, 4), 2);
	world_end(&w, &k);
}

static void test_proven_behind_a_look(void **state)
{
	(void)state;
	for (unsigned turns = 0; turns < 8; turns++)
		proven_behind_a_look(turns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_proven_behind_a_look),
	};
	return cmocka_run_group_tests_name("work/proof", tests, NULL, NULL);
}
