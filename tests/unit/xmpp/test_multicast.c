#include "fake_server.h"
#include "xmpp/session.h"

#include <belfry/base/mem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A link with a multicast service (XEP-0033) beside it. */

#define ASKED "to='" MULTICAST "' id='multicast-"
#define CAN "<query xmlns='" NS_DISCO_INFO "'><feature var='" NS_ADDRESS "'/></query>"
#define CANNOT                                                                           \
	"<error type='cancel'><remote-server-not-found xmlns='" NS_STANZAS "'/></error>"

#define NO_PINGS                                                                         \
	"<error type='cancel'><service-unavailable xmlns='" NS_STANZAS "'/></error>"

/* Answers the newest IQ to TO, as FROM, where its id ends in END. */
static void answer(struct server_fixture *f, const char *to, const char *end,
		   const char *type, const char *payload)
{
	char head[80], *last = NULL, *id;
	snprintf(head, sizeof(head), "to='%s' id='", to);
	for (char *at = f->got.data; (at = strstr(at, head)) != NULL; at++) {
		id = at + strlen(head);
		size_t len = strcspn(id, "'");
		if (len >= strlen(end) &&
		    memcmp(id + len - strlen(end), end, strlen(end)) == 0)
			last = id;
	}
	assert_non_null(last);
	id = xmemdup0(last, strcspn(last, "'"));
	char *xml = NULL;
	assert_true(asprintf(&xml,
			     "<iq type='%s' from='%s' to='" DOMAIN "' id='%s'>%s</iq>",
			     type, to, id, payload) > 0);
	server_say(f, xml);
	free(xml);
	free(id);
}

/* Up, with the service's answer. */
static void begin(struct server_fixture *f, const char *type, const char *payload)
{
	shake_hands(f);
	SPIN_UNTIL(f, server_got(f, ASKED));
	assert_int_equal(f->ups, 0);
	assert_false(f->link->ops->is_up(f->link));
	answer(f, MULTICAST, "-0", type, payload);
	SPIN_UNTIL(f, f->ups == 1);
	assert_true(f->link->ops->is_up(f->link));
}

/* Everything said so far was heard: told by a bounce behind it. */
static void heard(struct server_fixture *f)
{
	unsigned before = f->bounces;
	server_say(f, "<message from='bob@example.org' to='deploys@" DOMAIN
		      "' type='error' id='deploys~1-2~00000000'><error/></message>");
	SPIN_UNTIL(f, f->bounces == before + 1);
}

static void both_must_come_back(void **state)
{
	struct server_fixture *f = *state;
	begin(f, "result", CAN);
	assert_int_equal(f->link->ops->group(f->link), 20);
	assert_null(component_multicast_trouble(f->link));
	for (uint64_t n = 1; n <= 4; n++)
		f->link->ops->barrier(f->link, n);
	SPIN_UNTIL(f,
		   server_got(f, "-4'") && strstr(strstr(f->got.data, "-4'") + 3, "-4'"));
	answer(f, DOMAIN, "-1", "result", "");
	heard(f);
	assert_int_equal(f->barrier, 0);
	answer(f, MULTICAST, "-1", "error", NO_PINGS);
	heard(f);
	assert_int_equal(f->barrier, 1);
	answer(f, MULTICAST, "-3", "error", NO_PINGS); /* the other way round */
	heard(f);
	assert_int_equal(f->barrier, 1);
	answer(f, DOMAIN, "-2", "result", "");
	heard(f);
	assert_int_equal(f->barrier, 2);
	answer(f, DOMAIN, "-4", "result", "");
	heard(f);
	assert_int_equal(f->barrier, 3);
	/* No more groups: what was asked before still waits for both. */
	f->link->ops->ungroup(f->link);
	assert_int_equal(f->link->ops->group(f->link), 0);
	f->link->ops->barrier(f->link, 5);
	SPIN_UNTIL(f, server_got(f, "-5'"));
	answer(f, DOMAIN, "-5", "result", "");
	heard(f);
	assert_int_equal(f->barrier, 3);
	answer(f, MULTICAST, "-4", "error", NO_PINGS);
	heard(f);
	assert_int_equal(f->barrier, 5);
	f->link->ops->barrier(f->link, 6);
	ping_round_trip(f, 7);
	assert_null(strstr(strstr(f->got.data, "-6'") + 3, "-6'"));
}

static void not_there(void **state)
{
	struct server_fixture *f = *state;
	begin(f, "error", CANNOT);
	assert_int_equal(f->link->ops->group(f->link), 0);
	assert_string_equal(component_multicast_trouble(f->link),
			    "remote-server-not-found");
	ping_round_trip(f, 1);
	/* A late answer, or another one, changes nothing. */
	answer(f, MULTICAST, "-0", "result", CAN);
	heard(f);
	assert_int_equal(f->ups, 1);
	assert_int_equal(f->link->ops->group(f->link), 0);
}

/* It was there, and what waited in its queue went with it. */
static void gone(void **state)
{
	struct server_fixture *f = *state;
	begin(f, "result", CAN);
	f->link->ops->barrier(f->link, 1);
	f->link->ops->barrier(f->link, 2);
	SPIN_UNTIL(f,
		   server_got(f, "-2'") && strstr(strstr(f->got.data, "-2'") + 3, "-2'"));
	answer(f, DOMAIN, "-2", "result", "");
	answer(f, MULTICAST, "-2", "error", CANNOT);
	SPIN_UNTIL(f, f->downs == 1);
	assert_int_equal(f->barrier, 0);
	assert_int_equal(f->end, LINK_END_ASKED);
	close(f->peer);
	f->peer = -1;
	f->ups = 0;
	buf_clear(&f->got);
	begin(f, "error", CANNOT);
	ping_round_trip(f, 3);
}

/* The ping before the question tells already. */
static void pings_that_tell_nothing(void **state)
{
	struct server_fixture *f = *state;
	shake_hands(f);
	SPIN_UNTIL(f, server_got(f, ASKED));
	char *end = strstr(f->got.data, ASKED);
	*end = '\0'; /* answer() finds the ping alone */
	answer(f, MULTICAST, "-0", "error",
	       "<error type='auth'><forbidden xmlns='" NS_STANZAS "'/></error>");
	*end = 't';
	SPIN_UNTIL(f, f->ups == 1);
	assert_string_equal(component_multicast_trouble(f->link), "forbidden");
	answer(f, MULTICAST, "-0", "result", CAN);
	heard(f);
	assert_int_equal(f->link->ops->group(f->link), 0);
}

static void silent(void **state)
{
	struct server_fixture *f = *state;
	f->timing.ask_ms = 50;
	come_up(f);
	assert_int_equal(f->link->ops->group(f->link), 0);
	assert_string_equal(component_multicast_trouble(f->link), "no answer");
	ping_round_trip(f, 1);
}

static void lost_while_asking(void **state)
{
	struct server_fixture *f = *state;
	shake_hands(f);
	SPIN_UNTIL(f, server_got(f, ASKED));
	close(f->peer);
	f->peer = -1;
	SPIN_UNTIL(f, f->downs == 1);
	assert_int_equal(f->ups, 0);
	buf_clear(&f->got);
	begin(f, "result", CAN);
	assert_int_equal(f->link->ops->group(f->link), 20);
}

static void closed_while_asking(void **state)
{
	struct server_fixture *f = *state;
	f->timing.close_ms = 50;
	shake_hands(f);
	SPIN_UNTIL(f, server_got(f, ASKED));
	f->link->ops->close(f->link);
	answer(f, MULTICAST, "-0", "result", CAN);
	SPIN_UNTIL(f, f->downs == 1);
	assert_int_equal(f->ups, 0);
	assert_int_equal(f->end, LINK_END_ASKED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name)                                                                       \
	cmocka_unit_test_setup_teardown(name, server_set_up_multicast, server_tear_down)
		TEST(both_must_come_back),     TEST(not_there), TEST(gone),
		TEST(pings_that_tell_nothing), TEST(silent),	TEST(lost_while_asking),
		TEST(closed_while_asking),
	};
	return cmocka_run_group_tests_name("xmpp/multicast", tests, NULL, NULL);
}
