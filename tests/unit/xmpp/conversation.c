#include "conversation.h"

#include <belfry/base/mem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_send(void *arg, const char *data, size_t len)
{
	struct fixture *f = arg;
	buf_add(&f->sent, data, len);
}

static bool on_room(void *arg)
{
	return !((struct fixture *)arg)->no_room;
}

static void on_barrier(void *arg, uint64_t number)
{
	((struct fixture *)arg)->barrier = number;
}

static void on_bounce(void *arg, const struct link_bounce *b)
{
	static const char *const classes[] = {[BOUNCE_ENDS] = "ends",
					      [BOUNCE_SUSPENDS] = "suspends",
					      [BOUNCE_RETRIES] = "retries"};
	struct fixture *f = arg;
	f->bounces++;
	snprintf(f->bounce, sizeof(f->bounce), "%s %s %s %s", b->id, b->from,
		 classes[b->class], b->condition);
}

static void on_service_barrier(void *arg, uint64_t number)
{
	((struct fixture *)arg)->service_barrier = number;
}

static void on_service_gone(void *arg, uint64_t number, const char *condition)
{
	struct fixture *f = arg;
	snprintf(f->service, sizeof(f->service), "%d gone: %s", (int)number, condition);
}

static void on_service_says(void *arg, size_t most, const char *trouble)
{
	struct fixture *f = arg;
	snprintf(f->service, sizeof(f->service), "%zu %s", most, trouble ? trouble : "");
}

static void on_received(void *arg, const char *id, const char *from)
{
	struct fixture *f = arg;
	f->receipts++;
	snprintf(f->receipt, sizeof(f->receipt), "%s %s", id, from);
}

static const struct session_out out = {
	on_send,	 on_room,	  on_barrier, on_bounce, on_service_barrier,
	on_service_gone, on_service_says, on_received};

int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	f->ctx = xmpp_ctx_new(NULL, NULL);
	fake_hub_init(&f->hub);
	f->session = session_create(DOMAIN, 262144, &f->hub.hub, &out, f);
	*state = f;
	return 0;
}

int tear_down(void **state)
{
	struct fixture *f = *state;
	session_destroy(f->session);
	fake_hub_free(&f->hub);
	buf_free(&f->sent);
	xmpp_ctx_free(f->ctx);
	free(f);
	return 0;
}

void forgotten(struct fixture *f)
{
	session_destroy(f->session);
	f->session = session_create(DOMAIN, 262144, &f->hub.hub, &out, f);
}

const char *told(struct fixture *f, const char *xml)
{
	xmpp_stanza_t *stanza = xmpp_stanza_new_from_string(f->ctx, xml);
	if (stanza == NULL)
		fail_msg("not XML: %s", xml);
	buf_clear(&f->sent);
	buf_clear(&f->hub.log);
	session_stanza(f->session, stanza);
	fake_hub_answer(&f->hub);
	xmpp_stanza_release(stanza);
	return f->sent.data != NULL ? f->sent.data : "";
}

void assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("'%s' is not in '%s'", part, text);
}

void assert_answer(struct fixture *f, const char *text, const char *from)
{
	xmpp_stanza_t *s = xmpp_stanza_new_from_string(f->ctx, text);
	if (s == NULL)
		fail_msg("not XML: %s", text);
	assert_string_equal(xmpp_stanza_get_to(s), ALICE "/phone");
	assert_string_equal(xmpp_stanza_get_from(s), from);
	if (strcmp(xmpp_stanza_get_name(s), "iq") == 0)
		assert_string_equal(xmpp_stanza_get_id(s), "q&1");
	xmpp_stanza_release(s);
}

void ask_only(struct fixture *f, const char *xml)
{
	xmpp_stanza_t *stanza = xmpp_stanza_new_from_string(f->ctx, xml);
	session_stanza(f->session, stanza);
	xmpp_stanza_release(stanza);
}
