#include "../unit/core/xml_check.h"
#include "../unit/xmpp/fake_hub.h"
#include "check.h"
#include "xmpp/guard.h"
#include "xmpp/session.h"

#include <belfry/base/mem.h>

#include <string.h>

/*
 * A stanza on its way in: through the guard, the parser and the handlers. What we answer
 * is well-formed, whatever it was.
 */
static void on_send(void *arg, const char *data, size_t len)
{
	(void)arg;
	CHECK(xml_check(data, len) == NULL);
}

static void on_barrier(void *arg, uint64_t number)
{
	(void)arg;
	CHECK(number > 0);
}

static void on_bounce(void *arg, const struct link_bounce *bounce)
{
	(void)arg;
	CHECK(bounce->id && bounce->from && bounce->condition);
}

static const struct session_out out = {on_send, on_barrier, on_bounce};

static void handle(xmpp_ctx_t *ctx, const char *xml)
{
	static struct fake_hub hub; /* large */
	xmpp_stanza_t *stanza = xmpp_stanza_new_from_string(ctx, xml);

	if (!stanza)
		return;
	fake_hub_init(&hub);
	struct session *s =
		session_create("feeds.example.org", 262144, &hub.hub, &out, NULL);
	session_stanza(s, stanza);
	fake_hub_answer(&hub);
	session_stanza(s, stanza);
	session_destroy(s);
	fake_hub_free(&hub);
	xmpp_stanza_release(stanza);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct guard guard = {0};
	struct buf passed = {0};
	static const char header[] = "<stream>";
	size_t half = size / 2;

	guard_feed(&guard, header, sizeof(header) - 1, &passed);
	buf_clear(&passed);
	/* What is left out does not depend on how it was cut. */
	if (guard_feed(&guard, (const char *)data, half, &passed) == 0 &&
	    guard_feed(&guard, (const char *)data + half, size - half, &passed) == 0 &&
	    passed.len > 0 && !memchr(passed.data, '\0', passed.len)) {
		xmpp_ctx_t *ctx = xmpp_ctx_new(NULL, NULL);
		handle(ctx, passed.data);
		xmpp_ctx_free(ctx);
	}
	buf_free(&passed);
	guard_free(&guard);
	return 0;
}
