#include <belfry/core/subscription.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct sub with(const char *options)
{
	return (struct sub){.options = options, .options_len = strlen(options)};
}

static void presences_are_read(void **state)
{
	struct sub sub = with("o s17 g2");
	struct sub_options o;
	char out[SUB_OPTIONS_SIZE];

	(void)state;
	sub_options_read(&sub, &o);
	assert_true(o.hold_offline);
	assert_int_equal(o.shows, shows_bit(AVAIL_CHAT) | shows_bit(AVAIL_DND));
	assert_int_equal(o.grant, GRANT_YES);
	assert_int_equal(sub_options_text(&o, out), 8);
	assert_string_equal(out, "o s17 g2");
	assert_true(sub_minds_presence(&sub) && sub_chooses_presence(&o));
	assert_false(sub_may_wait(&sub));
	sub = with("s32 g4 oo s g sx g-1");
	sub_options_read(&sub, &o);
	assert_false(o.hold_offline || o.shows || o.grant);
	assert_false(sub_chooses_presence(&o));
	sub = with("a p1 u to ts tg z");
	assert_false(sub_minds_presence(&sub));
	assert_false(sub_minds_presence(&(struct sub){0}));
	/* One of them leaves the others. */
	o = (struct sub_options){.hold_offline = true, .shows = 3, .grant = GRANT_YES};
	sub_change_apply(&(struct sub_change){.set = SUB_SET_OFFLINE}, &o);
	assert_true(!o.hold_offline && o.shows == 3 && o.grant == GRANT_YES);
	sub_change_apply(&(struct sub_change){.set = SUB_SET_SHOWS}, &o);
	assert_true(!o.shows && o.grant == GRANT_YES);
	sub_change_apply(&(struct sub_change){.set = SUB_SET_GRANT}, &o);
	assert_int_equal(o.grant, GRANT_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(presences_are_read),
	};
	return cmocka_run_group_tests_name("core/sub_presence", tests, NULL, NULL);
}
