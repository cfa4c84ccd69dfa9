#include "contract.h"
#include "holding.h"

#include "../../lib/store/sync.h"
#include "../../lib/store/sync_pending.h"
#include "../../lib/store/sync_schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Who is told that a feed has something new. */

static struct {
	unsigned opened, woken;
	enum store_wake what;
	char last[80];
	bool any;
} heard;

static void on_wake(void *arg, enum store_wake what, const char *feed)
{
	(void)arg;
	assert_int_equal(what == WAKE_ALL, !feed[0]);
	if (what == WAKE_ALL)
		heard.opened++;
	else
		heard.woken++;
	heard.what = what;
	snprintf(heard.last, sizeof heard.last, "%s", feed);
	heard.any = true;
}

static void listen_anew(void)
{
	memset(&heard, 0, sizeof heard);
	B->ops->listen(B, on_wake, NULL);
	sync_until(&heard.any, "the channel to open");
	assert_int_equal(heard.what, WAKE_ALL);
	assert_int_equal(heard.opened, 1);
	heard.any = false;
}

/* The next one is of FEED, and nothing was told between. */
static void check_woken(enum store_wake what, const char *feed)
{
	unsigned before = heard.woken - heard.any;

	sync_until(&heard.any, "waking");
	assert_int_equal(heard.what, what);
	assert_string_equal(heard.last, feed);
	assert_int_equal(heard.woken, before + 1);
	heard.any = false;
}

void test_listen(void **state)
{
	unsigned before;

	(void)state;
	contract_feed("wake");
	listen_anew();
	OK(sync_post(A, "wake", "e1", NULL, NULL));
	check_woken(WAKE_EVENTS, "wake");
	/* Another configuration is told, the same one is not. */
	OK(sync_feed_put(A, "wake", "{}", NULL, NULL, NULL));
	OK(sync_feed_put(A, "never", "{\"a\":1}", NULL, NULL, NULL));
	OK(sync_feed_put(A, "never", "{\"a\":2}", NULL, NULL, NULL));
	OK(sync_feed_put(A, "wake", "{\"a\":1}", NULL, NULL, NULL));
	check_woken(WAKE_EVENTS, "wake");
	B->ops->listen(B, NULL, NULL);
	before = heard.woken;
	OK(sync_post(A, "wake", "e2", NULL, NULL));
	assert_int_equal(heard.woken, before);
}

void test_notices_wake(void **state)
{
	struct store_pending p = {
		.jid = "a@b", .state = PENDING_OWNERS, .format = FORMAT_CHAT};
	/* As long as a feed's name may be. */
	const char *feed = "wake-note-"
			   "0123456789-0123456789-0123456789-0123456789-0123456789";
	struct sync_notices *all = calloc(1, sizeof *all);

	(void)state;
	assert_int_equal(strlen(feed), 64);
	contract_feed(feed);
	listen_anew();
	OK(sync_pending_put(A, feed, &p, PENDING_NONE, NOTICE_REQUEST));
	check_woken(WAKE_NOTICE, feed);
	/* Nobody is to be told these. */
	IS(sync_pending_put(A, feed, &p, PENDING_NONE, NOTICE_REQUEST), BELFRY_ESTALE);
	p.state = PENDING_DENIED;
	OK(sync_pending_put(A, feed, &p, PENDING_OWNERS, NOTICE_NONE));
	OK(sync_notice_put(A, feed, "a@b", NOTICE_WITHDRAWN));
	check_woken(WAKE_NOTICE, feed);
	OK(sync_notices(A, 10, all));
	assert_int_equal(all->count, 2);
	for (size_t i = 0; i < all->count; i++)
		OK(sync_notice_done(A, all->n[i].id));
	B->ops->listen(B, NULL, NULL);
	free(all);
}

/* What people do to a hold, and not what its owner does. */
void test_holds_wake(void **state)
{
	struct holding h = holding_begin("wake-hold");

	(void)state;
	holding_join(&h, "a@b");
	holding_post(&h, PRIORITY_NORMAL);
	struct store_done_row row = {.jid = "a@b",
				     .pos = h.pos[1],
				     .hold = {.reason = HOLD_DEAD, .due_ms = HOLD_NEVER}};
	listen_anew();
	OK(sync_join(A, h.feed, "a@b", FORMAT_CHAT, NULL, NULL)); /* not held */
	OK(holding_done(&h, &row, 1, h.pos[1]));
	OK(sync_hold_order(A, h.feed, "a@b", ORDER_REDRIVE, NULL));
	check_woken(WAKE_DUE, h.feed);
	OK(sync_join(A, h.feed, "a@b", FORMAT_CHAT, NULL, NULL));
	check_woken(WAKE_DUE, h.feed);
	OK(sync_admit(A, h.feed, "a@b", SUB_FOLLOW(FORMAT_CHAT), NULL, NOTICE_NONE));
	check_woken(WAKE_DUE, h.feed);
	IS(sync_hold_order(A, h.feed, "a@b", ORDER_DROP, NULL), BELFRY_ENOENT);
	OK(sync_post(A, h.feed, "more", NULL, NULL));
	check_woken(WAKE_EVENTS, h.feed);
	B->ops->listen(B, NULL, NULL);
	holding_end(&h);
}

/* What is due before all others of its feed. */
void test_schedule_wakes(void **state)
{
	const char *feed = "wake-schedule";

	(void)state;
	contract_feed(feed);
	listen_anew();
	OK(sync_schedule(A, feed, "e1", NULL, 2000));
	check_woken(WAKE_SCHEDULED, feed);
	OK(sync_schedule(A, feed, "e2", NULL, 3000));
	OK(sync_schedule(A, feed, "e3", NULL, 2000));
	OK(sync_schedule(A, feed, "e0", NULL, 1000));
	check_woken(WAKE_SCHEDULED, feed);
	OK(sync_scheduled_cancel(A, feed, "e0", NULL));
	OK(sync_release(A, feed, NULL, NULL));
	check_woken(WAKE_EVENTS, feed);
	B->ops->listen(B, NULL, NULL);
}
