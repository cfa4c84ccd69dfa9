#include "fake_server.h"

#include <belfry/base/mem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_up(void *arg)
{
	((struct server_fixture *)arg)->ups++;
}

static void on_down(void *arg, const struct link_down *why)
{
	struct server_fixture *f = arg;
	f->downs++;
	f->end = why->end;
	snprintf(f->condition, sizeof(f->condition), "%s", why->condition);
	snprintf(f->text, sizeof(f->text), "%s", why->text);
}

static void on_barrier(void *arg, uint64_t number)
{
	struct server_fixture *f = arg;
	f->barrier = number;
	if (f->destroy_in_barrier) {
		f->link->ops->destroy(f->link);
		f->link = NULL;
	}
}

static void on_bounce(void *arg, const struct link_bounce *bounce)
{
	(void)bounce;
	((struct server_fixture *)arg)->bounces++;
}

static void on_room(void *arg)
{
	((struct server_fixture *)arg)->rooms++;
}

static const struct link_handlers handlers = {on_up,	 on_down, on_barrier,
					      on_bounce, on_room, NULL};

static void on_tick(void *arg)
{
	struct server_fixture *f = arg;
	loop_timer_arm(f->tick, 1);
}

static int begin(void **state, const char *multicast)
{
	struct server_fixture *f = xcalloc(1, sizeof(*f));
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(listen(f->listener, 5), 0);
	assert_int_equal(getsockname(f->listener, (struct sockaddr *)&addr, &len), 0);
	f->peer = -1;
	f->reading = true;
	f->loop = loop_create();
	f->tick = loop_timer_create(f->loop, on_tick, f);
	loop_timer_arm(f->tick, 1);
	f->config.xmpp.domain = xstrdup(DOMAIN);
	f->config.xmpp.secret = xstrdup("secret");
	f->config.xmpp.server.host = xstrdup("127.0.0.1");
	f->config.xmpp.server.port = ntohs(addr.sin_port);
	f->config.xmpp.max_stanza_bytes = 262144;
	f->config.xmpp.multicast = multicast ? xstrdup(multicast) : NULL;
	f->timing = component_timing_default;
	f->timing.tick_ms = 10;
	fake_hub_init(&f->hub);
	f->link = component_create_timed(f->loop, &f->config, &f->hub.hub, &handlers, f,
					 &f->timing);
	*state = f;
	return 0;
}

int server_set_up(void **state)
{
	return begin(state, NULL);
}

int server_set_up_multicast(void **state)
{
	return begin(state, MULTICAST);
}

int server_tear_down(void **state)
{
	struct server_fixture *f = *state;
	if (f->link != NULL)
		f->link->ops->destroy(f->link);
	fake_hub_free(&f->hub);
	loop_timer_destroy(f->tick);
	loop_destroy(f->loop);
	if (f->peer >= 0)
		close(f->peer);
	close(f->listener);
	free(f->config.xmpp.domain);
	free(f->config.xmpp.secret);
	free(f->config.xmpp.multicast);
	free(f->config.xmpp.server.host);
	buf_free(&f->got);
	buf_free(&f->to_send);
	free(f);
	return 0;
}

void server_say(struct server_fixture *f, const char *text)
{
	buf_adds(&f->to_send, text);
}

static void echo_pings(struct server_fixture *f)
{
	char *ping, *end;
	while (f->echo && f->got.len > f->echoed &&
	       (ping = strstr(f->got.data + f->echoed, "<iq type='get'")) != NULL &&
	       (end = strstr(ping, "</iq>")) != NULL) {
		buf_add(&f->to_send, ping, (size_t)(end + 5 - ping));
		f->echoed = (size_t)(end + 5 - f->got.data);
	}
}

void server_turn(struct server_fixture *f)
{
	if (f->peer < 0)
		f->peer = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (f->peer < 0)
		return;
	char data[65536];
	ssize_t n;
	while (f->reading && (n = read(f->peer, data, sizeof(data))) > 0)
		buf_add(&f->got, data, (size_t)n);
	echo_pings(f);
	if (f->to_send.len == 0)
		return;
	n = send(f->peer, f->to_send.data, f->to_send.len, MSG_NOSIGNAL);
	if (n > 0) {
		f->to_send.len -= (size_t)n;
		memmove(f->to_send.data, f->to_send.data + n, f->to_send.len);
	}
}

bool server_got(const struct server_fixture *f, const char *text)
{
	return f->got.data != NULL && strstr(f->got.data, text) != NULL;
}

void shake_hands(struct server_fixture *f)
{
	f->link->ops->open(f->link);
	SPIN_UNTIL(f, server_got(f, "to=\"" DOMAIN "\""));
	assert_false(f->link->ops->is_up(f->link));
	server_say(f, HEADER);
	SPIN_UNTIL(f, server_got(f, "</handshake>"));
	/* SHA-1 of "abc" and "secret". */
	assert_true(server_got(f, ">de0a408ef519cd62e7379039634152874895c50c<"));
	server_say(f, "<handshake/>");
}

void come_up(struct server_fixture *f)
{
	shake_hands(f);
	SPIN_UNTIL(f, f->ups == 1);
	assert_true(f->link->ops->is_up(f->link));
}

void ping_round_trip(struct server_fixture *f, uint64_t number)
{
	f->echo = true;
	f->link->ops->barrier(f->link, number);
	SPIN_UNTIL(f, f->barrier == number);
}
