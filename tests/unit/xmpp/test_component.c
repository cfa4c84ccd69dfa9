#include "fake_server.h"

#include <belfry/base/mem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Without the work-around libstrophe dereferences NULL here. */
static void first_stanza_does_not_crash(void **state)
{
	struct server_fixture *f = *state;
	come_up(f);
	server_say(f, "<iq from='alice@example.org/x' to='" DOMAIN
		      "' type='get' id='q1'><ping xmlns='urn:xmpp:ping'/></iq>");
	SPIN_UNTIL(f, server_got(f, "id='q1'></iq>"));
	ping_round_trip(f, 1);
	close(f->peer); /* ... and here, on the disconnect */
	f->peer = -1;
	SPIN_UNTIL(f, f->downs == 1);
	assert_int_equal(f->end, LINK_END_LOST);
	assert_string_equal(f->condition, "");
}

static void again_and_again(void **state)
{
	struct server_fixture *f = *state;
	for (int i = 0; i < 20; i++) {
		f->ups = f->downs = 0;
		f->echoed = 0;
		buf_clear(&f->got);
		come_up(f);
		ping_round_trip(f, (uint64_t)i + 1);
		close(f->peer);
		f->peer = -1;
		SPIN_UNTIL(f, f->downs == 1);
	}
}

static void nobody_listens(void **state)
{
	struct server_fixture *f = *state;
	close(f->listener);
	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	f->link->ops->open(f->link);
	assert_int_equal(f->downs, 0); /* not from inside */
	SPIN_UNTIL(f, f->downs == 1);
	assert_int_equal(f->end, LINK_END_CONNECT);
	assert_true(strstr(f->text, "127.0.0.1") != NULL);
}

static void no_such_host(void **state)
{
	struct server_fixture *f = *state;
	free(f->config.xmpp.server.host);
	f->config.xmpp.server.host = xstrdup("no such host");
	f->link->ops->open(f->link);
	SPIN_UNTIL(f, f->downs == 1);
	assert_int_equal(f->end, LINK_END_CONNECT);
	assert_true(strstr(f->text, "no such host") != NULL);
}

/* localhost may be ::1 first, where nobody listens. */
static void second_address(void **state)
{
	struct server_fixture *f = *state;
	free(f->config.xmpp.server.host);
	f->config.xmpp.server.host = xstrdup("localhost");
	come_up(f);
}

static void silent_while_connecting(void **state)
{
	struct server_fixture *f = *state;
	f->timing.connect_ms = 100;
	f->link->ops->open(f->link);
	SPIN_UNTIL(f, f->downs == 1);
	assert_int_equal(f->end, LINK_END_CONNECT);
	assert_int_equal(f->ups, 0);
}

static const struct {
	const char *says;
	enum link_end end;
	const char *condition;
} refusals[] = {
	{HEADER STREAM_ERROR("not-authorized"), LINK_END_AUTH, "not-authorized"},
	{HEADER STREAM_ERROR("host-unknown"), LINK_END_AUTH, "host-unknown"},
	{HEADER STREAM_ERROR("conflict"), LINK_END_CONFLICT, "conflict"},
	{HEADER STREAM_ERROR("system-shutdown"), LINK_END_CONNECT, "system-shutdown"},
	{HEADER "</stream:stream>", LINK_END_CONNECT, ""},
	{"<html><body>", LINK_END_CONNECT, ""},
};

static void refused(void **state)
{
	struct server_fixture *f = *state;
	f->timing.connect_ms = 1000;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		f->downs = 0;
		f->link->ops->open(f->link);
		server_say(f, refusals[i].says);
		SPIN_UNTIL(f, f->downs == 1);
		assert_int_equal(f->end, refusals[i].end);
		assert_string_equal(f->condition, refusals[i].condition);
		assert_int_equal(f->ups, 0);
		close(f->peer);
		f->peer = -1;
		buf_clear(&f->to_send);
	}
}

static const struct {
	const char *says;
	enum link_end end;
	const char *condition;
} losses[] = {
	{STREAM_ERROR("policy-violation"), LINK_END_ERROR, "policy-violation"},
	{STREAM_ERROR("not-well-formed"), LINK_END_ERROR, "not-well-formed"},
	{STREAM_ERROR("made-up"), LINK_END_ERROR, "made-up"},
	{STREAM_ERROR("conflict"), LINK_END_CONFLICT, "conflict"},
	{STREAM_ERROR("system-shutdown"), LINK_END_LOST, "system-shutdown"},
	{"</stream:stream>", LINK_END_LOST, ""},
};

static void closed_by_the_server(void **state)
{
	struct server_fixture *f = *state;
	for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
		f->ups = f->downs = 0;
		buf_clear(&f->got);
		come_up(f);
		server_say(f, losses[i].says);
		SPIN_UNTIL(f, f->downs == 1);
		assert_int_equal(f->end, losses[i].end);
		assert_string_equal(f->condition, losses[i].condition);
		assert_false(f->link->ops->is_up(f->link));
		close(f->peer);
		f->peer = -1;
	}
}

static void barriers_in_order(void **state)
{
	struct server_fixture *f = *state;
	come_up(f);
	for (uint64_t n = 1; n <= 5; n++)
		f->link->ops->barrier(f->link, n);
	f->echo = true;
	SPIN_UNTIL(f, f->barrier == 5);
	/* A result that was never asked for. */
	f->echo = false;
	f->link->ops->barrier(f->link, 6);
	SPIN_UNTIL(f, server_got(f, "-6'"));
	char *ping = strstr(strstr(f->got.data, "-5'") + 3, "<iq");
	strstr(ping, "-6'")[1] = '9';
	server_say(f, ping);
	server_say(f, "<message from='bob@example.org' to='deploys@" DOMAIN
		      "' type='error' id='deploys~1-2~00000000'><error/></message>");
	SPIN_UNTIL(f, f->bounces == 1);
	assert_int_equal(f->barrier, 5);
}

/* 16 MiB through a peer that does not read at first: all arrives, in order, once. */
static void back_pressure(void **state)
{
	struct server_fixture *f = *state;
	enum { BUFFER = 60000, COUNT = 280 };
	come_up(f);
	f->reading = false;
	size_t start = f->got.len, sent = 0;
	char *data = xmalloc(BUFFER);
	for (int i = 0; i < COUNT; i++) {
		if (!f->link->ops->room(f->link)) {
			assert_true(f->reading ||
				    i < 200); /* the backlog stays out of here */
			struct component_stats stats;
			component_stats(f->link, &stats);
			assert_in_range(stats.backlog_buffers, 2, 4);
			f->reading = true;
			f->rooms = 0;
			SPIN_UNTIL(f, f->rooms > 0);
			assert_true(f->link->ops->room(f->link));
		}
		memset(data, 'a' + i % 26, BUFFER);
		f->link->ops->send(f->link, data, BUFFER);
		sent += BUFFER;
	}
	SPIN_UNTIL(f, f->got.len - start == sent);
	for (size_t i = 0; i < sent; i++)
		if (f->got.data[start + i] != (char)('a' + i / BUFFER % 26))
			fail_msg("byte %zu", i);
	free(data);
	f->echoed = f->got.len;
	ping_round_trip(f, 1);
}

static int answers(const struct server_fixture *f)
{
	struct component_stats stats;
	component_stats(f->link, &stats);
	return (int)stats.iqs_answered;
}

static uint64_t backlog(const struct server_fixture *f)
{
	struct component_stats stats;
	component_stats(f->link, &stats);
	return stats.backlog_buffers;
}

/* People ask for much while the server does not read what they get: deliveries have room
 * as soon as it does. */
static void answers_do_not_pile_up(void **state)
{
	struct server_fixture *f = *state;
	enum { COUNT = 300 };
	come_up(f);
	f->reading = false;
	f->hub.big_body = 200000;
	for (int i = 0; i < COUNT; i++) {
		server_say(f,
			   "<iq type='get' id='1' from='alice@example.org/x' to='" DOMAIN
			   "'><pubsub xmlns='http://jabber.org/protocol/pubsub'>"
			   "<items node='deploys' max_items='1'/></pubsub></iq>");
		SPIN_UNTIL(f, f->hub.call_count > 0 || answers(f) > i);
		fake_hub_answer(&f->hub);
	}
	assert_false(f->link->ops->room(f->link));
	assert_in_range(backlog(f), 3, 8);
	f->reading = true;
	ping_round_trip(f, 1);
	assert_true(server_got(f, "resource-constraint"));
	assert_int_equal(answers(f), COUNT);
	assert_int_equal(f->downs, 0);
}

static void good_bye(void **state)
{
	struct server_fixture *f = *state;
	come_up(f);
	f->link->ops->send(f->link, "<presence/>", 11);
	f->link->ops->close(f->link);
	SPIN_UNTIL(f, server_got(f, "<presence/></stream:stream>"));
	assert_int_equal(f->downs, 0);
	server_say(f, "</stream:stream>");
	SPIN_UNTIL(f, f->downs == 1);
	assert_int_equal(f->end, LINK_END_ASKED);
}

static void good_bye_without_an_answer(void **state)
{
	struct server_fixture *f = *state;
	f->timing.close_ms = 50;
	come_up(f);
	f->reading = false;
	f->link->ops->close(f->link);
	SPIN_UNTIL(f, f->downs == 1);
	assert_int_equal(f->end, LINK_END_ASKED);
	/* Closing while it connects. */
	close(f->peer);
	f->peer = -1;
	f->link->ops->open(f->link);
	f->link->ops->close(f->link);
	SPIN_UNTIL(f, f->downs == 2);
	assert_int_equal(f->end, LINK_END_ASKED);
}

static void a_silent_server_is_pinged_then_lost(void **state)
{
	struct server_fixture *f = *state;
	f->timing.idle_ms = f->timing.answer_ms = 100;
	come_up(f);
	f->echo = true;
	uint64_t until = clock_mono_ms() + 500;
	SPIN_UNTIL(f, clock_mono_ms() > until);
	assert_int_equal(f->downs, 0);
	assert_true(server_got(f, "-0'"));
	f->reading = false;
	SPIN_UNTIL(f, f->downs == 1);
	assert_int_equal(f->end, LINK_END_LOST);
}

static void a_silent_server_with_a_barrier_open(void **state)
{
	struct server_fixture *f = *state;
	f->timing.barrier_ms = 100;
	come_up(f);
	f->link->ops->barrier(f->link, 1);
	uint64_t asked = clock_mono_ms(), n = 1;
	/* Asking again is no sign of life. */
	while (f->downs == 0) {
		uint64_t next = clock_mono_ms() + 20;
		SPIN_UNTIL(f, f->downs == 1 || clock_mono_ms() > next);
		f->link->ops->barrier(f->link, ++n);
		assert_true(clock_mono_ms() < asked + 5000);
	}
	assert_int_equal(f->end, LINK_END_LOST);
}

static void destroyed_by_a_handler(void **state)
{
	struct server_fixture *f = *state;
	come_up(f);
	f->echo = f->destroy_in_barrier = true;
	f->link->ops->barrier(f->link, 1);
	f->link->ops->barrier(f->link, 2);
	SPIN_UNTIL(f, f->link == NULL);
	assert_int_equal(f->barrier, 1);
}

static void nest(struct server_fixture *f, size_t depth)
{
	server_say(f, "<message from='alice@example.org/x' to='hub@" DOMAIN "'>");
	for (size_t i = 0; i < depth; i++)
		server_say(f, "<a>");
	for (size_t i = 0; i < depth; i++)
		server_say(f, "</a>");
	server_say(f, "</message>");
}

static void nested_elements(void **state)
{
	struct server_fixture *f = *state;
	come_up(f);
	f->timing.barrier_ms = f->timing.idle_ms = DEADLINE_MS;
	nest(f, 10000);
	nest(f, 512 * 1024 / 7);
	ping_round_trip(f, 1);
	assert_int_equal(f->downs, 0);
}

/* A parser that waits for more of a long tag would keep back what is behind it, too. */
static void long_attributes(void **state)
{
	struct server_fixture *f = *state;
	const size_t lens[] = {5000, 50000, 240000, 1000000};
	come_up(f);
	f->timing.barrier_ms = f->timing.idle_ms = 10 * DEADLINE_MS;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		char *text = xmalloc(lens[i] + 1);
		memset(text, 'i', lens[i]);
		text[lens[i]] = '\0';
		server_say(f, "<iq from='alice@example.org/x' to='" DOMAIN
			      "' type='get' id='");
		server_say(f, text);
		server_say(f, "'><nonsense xmlns='urn:x'/></iq>");
		free(text);
		ping_round_trip(f, i + 1);
	}
	assert_false(server_got(f, "iiii"));
	assert_int_equal(f->downs, 0);
}

/* The server's parser may wait, too: for as many bytes as the longest tag has. */
static void our_own_long_tags(void **state)
{
	struct server_fixture *f = *state;
	const size_t lens[] = {500, 2000, 200000, 3000};
	struct buf want = {0};
	come_up(f);
	size_t start = f->got.len;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		struct buf stanzas = {0};
		buf_adds(&stanzas, "<message><body>short, with a text that is longer: ");
		for (size_t n = 0; n < 2000; n++)
			buf_addc(&stanzas, 't');
		buf_adds(&stanzas, "</body></message><message><item id='");
		for (size_t n = 0; n < lens[i]; n++)
			buf_addc(&stanzas, 'i');
		buf_adds(&stanzas, "'/></message><presence/>");
		f->link->ops->send(f->link, stanzas.data, stanzas.len);
		buf_add(&want, stanzas.data, stanzas.len);
		for (size_t n = 0;
		     lens[i] > 1024 && n < strlen("<item id=''/>") + lens[i]; n++)
			buf_addc(&want, ' ');
		buf_free(&stanzas);
	}
	SPIN_UNTIL(f, f->got.len - start >= want.len);
	assert_string_equal(f->got.data + start, want.data);
	f->echoed = f->got.len;
	ping_round_trip(f, 1);
	buf_free(&want);
}

static const char *const malformed[] = {
	"<a:b/>", "<b xmlns='urn:x' a:c='1'/>", "<stream:b/>", "<b></c>", "&b;", "\x01",
	"\xff",
};

/* It costs the stanza alone. */
static void malformed_stanzas(void **state)
{
	struct server_fixture *f = *state;
	come_up(f);
	f->timing.barrier_ms = f->timing.idle_ms = 10 * DEADLINE_MS;
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		server_say(f, "<iq from='alice@example.org/x' to='" DOMAIN
			      "' type='get' id='bad'>");
		server_say(f, malformed[i]);
		server_say(f, "</iq>");
		ping_round_trip(f, i + 1);
	}
	assert_false(server_got(f, "id='bad'"));
	assert_int_equal(f->downs, 0);
	/* The end of the stream is still understood. */
	server_say(f, STREAM_ERROR("policy-violation"));
	SPIN_UNTIL(f, f->downs == 1);
	assert_string_equal(f->condition, "policy-violation");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, server_set_up, server_tear_down)
		TEST(first_stanza_does_not_crash),
		TEST(again_and_again),
		TEST(nobody_listens),
		TEST(no_such_host),
		TEST(second_address),
		TEST(silent_while_connecting),
		TEST(refused),
		TEST(closed_by_the_server),
		TEST(barriers_in_order),
		TEST(back_pressure),
		TEST(answers_do_not_pile_up),
		TEST(good_bye),
		TEST(good_bye_without_an_answer),
		TEST(a_silent_server_is_pinged_then_lost),
		TEST(a_silent_server_with_a_barrier_open),
		TEST(destroyed_by_a_handler),
		TEST(nested_elements),
		TEST(long_attributes),
		TEST(our_own_long_tags),
		TEST(malformed_stanzas),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
