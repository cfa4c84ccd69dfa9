#include "conversation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define RECEIPT(to, type, id)                                                            \
	"<message " FROM_ALICE " to='" to "@" DOMAIN "'" type                            \
	"><received xmlns='urn:xmpp:receipts' id='" id "'/></message>"

static void receipts(void **state)
{
	struct fixture *f = *state;
	assert_string_equal(
		told(f, RECEIPT("deploys", " type='chat'", "deploys~3-7~0a1b2c3d")), "");
	assert_string_equal(f->receipt, "deploys~3-7~0a1b2c3d " ALICE "/phone");
	told(f, RECEIPT("deploys", "", "deploys~3-8~0a1b2c3d"));
	assert_int_equal(f->receipts, 2);
}

/* What is no receipt for something of ours, or not for who is told. */
static void others(void **state)
{
	struct fixture *f = *state;
	told(f, RECEIPT("deploys", " type='error'", "deploys~3-7~0a1b2c3d"));
	told(f, RECEIPT("deploys", " type='groupchat'", "deploys~3-7~0a1b2c3d"));
	told(f, RECEIPT("deploys", "", "alerts~3-7~0a1b2c3d"));
	told(f, RECEIPT("hub", "", "hub~3-7~0a1b2c3d"));
	told(f, RECEIPT("deploys", "", "nonsense"));
	told(f, "<message " FROM_ALICE " to='deploys@" DOMAIN
		"'><received xmlns='urn:xmpp:receipts'/></message>");
	told(f, "<message " FROM_ALICE " to='deploys@" DOMAIN
		"'><received xmlns='else' id='deploys~3-7~0a1b2c3d'/></message>");
	assert_int_equal(f->receipts, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(receipts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(others, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("xmpp/receipts", tests, NULL, NULL);
}
