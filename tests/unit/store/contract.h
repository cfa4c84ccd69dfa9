#ifndef TESTS_STORE_CONTRACT_H
#define TESTS_STORE_CONTRACT_H

#include <belfry/store/store.h>

/*
 * What every store must do (store.h), the same for all. The two stores are two processes
 * on the same data; feeds of different tests have different names.
 */
struct contract {
	struct store *a, *b;
	void (*restart)(void); /* as if Redis had been restarted */
	void (*fill)(bool full);
};
extern struct contract contract;

/* Runs them all: what cmocka_run_group_tests() returns. */
int contract_run(const char *name);

/* For the tests themselves, which include cmocka.h. */
#define A contract.a
#define B contract.b
#define OK(call) assert_int_equal(call, BELFRY_OK)
#define IS(call, err) assert_int_equal(call, err)

void contract_feed(const char *feed); /* makes it */
void contract_has_room(void);	      /* again, and A knows it */
bool contract_pos_is(struct pos a, struct pos b);
struct store_owner contract_own(struct store *s, const char *name); /* the next owner */

/* Those of contract_items.c. */
void test_items(void **state);
void test_items_over_pages(void **state);
void test_items_by_id(void **state);
void test_used_again(void **state);
void test_retract(void **state);
void test_retract_own_item(void **state);
void test_versions(void **state);
void test_retract_and_trim(void **state);
void test_retract_without_room(void **state);
void test_head(void **state);
void test_items_expire(void **state);

/* Those of contract_delivery.c. */
void test_join_and_leave(void **state);
void test_many_rows_split(void **state);
void test_lease(void **state);
void test_done_moves_and_counts(void **state);
void test_done_follows_splits(void **state);
void test_options(void **state);
void test_options_outlive_bounces(void **state);
void test_trim(void **state);

/* Those of contract_holds.c. */
void test_hold_and_release(void **state);
void test_hold_of_another_row(void **state);
void test_hold_times(void **state);
void test_moves(void **state);
void test_urgent_hold(void **state);
void test_urgent_hold_that_is_changed(void **state);
void test_holds_without_room(void **state);

/* Those of contract_late.c. */
void test_late_bounces(void **state);
void test_late_bounce_of_what_is_held(void **state);
void test_late_bounce_of_urgent(void **state);
void test_late_bounce_of_what_is_gone(void **state);
void test_late_bounce_of_what_expired(void **state);

/* Those of contract_digest.c. */
void test_late_digest(void **state);
void test_digest_redriven(void **state);
void test_digest_is_chosen(void **state);

/* Those of contract_due.c. */
void test_due(void **state);
void test_due_without_choice(void **state);
void test_presence_options(void **state);
void test_presence_wakes(void **state);
void test_presence_without_choice(void **state);
void test_due_of_several(void **state);
void test_due_follows_splits(void **state);
void test_hold_orders(void **state);
void test_receipts_prove(void **state);
void test_receipts_by_feed(void **state);
void test_receipts_of_a_window(void **state);
void test_receipts_again(void **state);
void test_receipts_and_late_bounces(void **state);
void test_receipts_and_digests(void **state);
void test_receipts_and_late_digests(void **state);
void test_receipts_far_apart(void **state);
void test_receipts_urgent(void **state);
void test_join_redrives(void **state);
void test_admit_redrives(void **state);
void test_dead_letters(void **state);
void test_dead_by_late_bounce(void **state);

/* That of contract_contacts.c. */
void test_contacts_are_counted(void **state);

/* Those of contract_races.c. */
void test_read_hides_no_row_from_a_split(void **state);
void test_done_keeps_up_with_splits(void **state);

/* That of contract_turn.c. */
void test_commits_of_one_turn(void **state);

/* Those of contract_face.c. */
void test_presence(void **state);
void test_face(void **state);
void test_face_is_bytes(void **state);
void test_face_goes_with_the_feed(void **state);
void test_face_without_room(void **state);
void test_look_wakes(void **state);

/* Those of contract_pending.c. */
void test_pending_without_feed(void **state);
void test_pending_keeps_what_was_wished(void **state);
void test_pending_is_what_was_expected(void **state);
void test_pending_pages(void **state);
void test_pending_has_a_limit(void **state);
void test_pending_goes_with_the_feed(void **state);
void test_pending_without_room(void **state);

/* Those of contract_admit.c. */
void test_pending_is_a_person_s(void **state);
void test_admit(void **state);
void test_admit_changes_a_row(void **state);
void test_admit_without_room(void **state);
void test_admit_or_withdrawn(void **state);

/* Those of contract_outcasts.c. */
void test_casts(void **state);
void test_expel(void **state);
void test_expel_leaves_room(void **state);
void test_pending_is_of_the_jid_that_was_seen(void **state);

/* Those of contract_notices.c. */
void test_notices_come_with_the_state(void **state);
void test_notices_of_outcasts(void **state);
void test_notices_of_several_feeds(void **state);
void test_notices_say_how(void **state);
void test_notices_outlive_a_restart(void **state);
void test_notices_have_a_limit(void **state);

/* Those of contract_schedule.c. */
void test_schedule(void **state);
void test_schedule_is_released(void **state);
void test_schedule_pages(void **state);
void test_schedule_idempotency(void **state);
void test_schedule_is_cancelled(void **state);
void test_schedule_own_item(void **state);
void test_schedule_without_room(void **state);
void test_schedule_goes_with_the_feed(void **state);
void test_schedule_outlives_a_restart(void **state);
void test_schedule_bursts(void **state);
void test_schedule_has_a_limit(void **state);

/* Those of contract_wake.c. */
void test_listen(void **state);
void test_notices_wake(void **state);
void test_holds_wake(void **state);
void test_schedule_wakes(void **state);

#endif
