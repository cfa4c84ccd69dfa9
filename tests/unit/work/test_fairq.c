#include "work/fairq.h"

#include <belfry/base/random.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define FEW 3
#define MANY 500

/* Serves the first again and again; counts how often each was. */
static void serve(struct fairq *q, struct fairq_node *nodes, unsigned *served,
		  unsigned rounds, double cost)
{
	for (unsigned i = 0; i < rounds; i++) {
		struct fairq_node *n = fairq_first(q);
		fairq_remove(q, n);
		fairq_charge(q, n, cost);
		served[n - nodes]++;
		fairq_push(q, n);
	}
}

static void test_shares_follow_weights(void **state)
{
	static const double weights[FEW] = {1, 2, 7};
	struct fairq q = {0};
	struct fairq_node nodes[FEW];
	unsigned served[FEW] = {0};
	(void)state;
	for (size_t i = 0; i < FEW; i++) {
		fairq_enter(&q, &nodes[i], weights[i]);
		fairq_push(&q, &nodes[i]);
	}
	serve(&q, nodes, served, 1000, 100);
	assert_in_range(served[0], 98, 102);
	assert_in_range(served[1], 198, 202);
	assert_in_range(served[2], 698, 702);
	fairq_finish(&q);
}

static void test_newcomer_is_next(void **state)
{
	struct fairq q = {0};
	struct fairq_node nodes[2];
	unsigned served[2] = {0};
	(void)state;
	fairq_enter(&q, &nodes[0], 10);
	fairq_push(&q, &nodes[0]);
	serve(&q, nodes, served, 1000, 1000);
	fairq_enter(&q, &nodes[1], 10);
	fairq_push(&q, &nodes[1]);
	/* Whoever was served last has paid for it; the newcomer has not. */
	assert_ptr_equal(fairq_first(&q), &nodes[1]);
	/* Nor is it owed what the other had before: they alternate. */
	served[0] = served[1] = 0;
	serve(&q, nodes, served, 100, 1000);
	assert_in_range(served[0], 49, 51);
	fairq_finish(&q);
}

static void test_heap_stays_in_order(void **state)
{
	struct fairq q = {0};
	static struct fairq_node nodes[MANY];
	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		fairq_enter(&q, &nodes[i], 1);
		nodes[i].tag = random_below(100);
		fairq_push(&q, &nodes[i]);
	}
	for (size_t i = 0; i < MANY; i += 3)
		fairq_remove(&q, &nodes[i]);
	fairq_remove(&q, &nodes[0]);
	assert_int_equal(q.count, MANY - (MANY + 2) / 3);
	struct fairq_node *last = NULL;
	while (q.count) {
		struct fairq_node *n = fairq_first(&q);
		assert_true(!last || fairq_before(last, n));
		assert_int_not_equal((n - nodes) % 3, 0);
		fairq_remove(&q, n);
		last = n;
	}
	assert_null(fairq_first(&q));
	fairq_finish(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares_follow_weights),
		cmocka_unit_test(test_newcomer_is_next),
		cmocka_unit_test(test_heap_stays_in_order),
	};
	return cmocka_run_group_tests_name("work/fairq", tests, NULL, NULL);
}
