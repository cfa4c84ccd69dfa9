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

static bool on_room(void *arg)
{
	(void)arg;
	return true;
}

static void on_service_gone(void *arg, uint64_t number, const char *condition)
{
	(void)arg;
	(void)number;
	CHECK(condition[0] != '\0');
}

static void on_service_says(void *arg, size_t most, const char *trouble)
{
	(void)arg;
	CHECK((most > 0) == (trouble == NULL));
}

static void on_received(void *arg, const char *id, const char *from)
{
	(void)arg;
	CHECK(id && from);
}

static const struct session_out out = {on_send,		on_room,    on_barrier,
				       on_bounce,	on_barrier, on_service_gone,
				       on_service_says, on_received};

static void handle(xmpp_ctx_t *ctx, const char *xml)
{
	static struct fake_hub hub; /* large */
	xmpp_stanza_t *stanza = xmpp_stanza_new_from_string(ctx, xml);

	if (!stanza)
		return;
	fake_hub_init(&hub);
	hub.owner = true;
	struct session *s =
		session_create("feeds.example.org", 262144, &hub.hub, &out, NULL);
	session_use_service(s, "multicast.example.org");
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
	static const char header[] = "<stream>";
	const char *parts[] = {header, (const char *)data, (const char *)data + size / 2};
	size_t lens[] = {sizeof(header) - 1, size / 2, size - size / 2};
	xmpp_ctx_t *ctx = xmpp_ctx_new(NULL, NULL);
	int rc = 0;

	/* What is left out does not depend on how it was cut. */
	for (size_t i = 0; i < 3 && rc >= 0; i++)
		while ((rc = guard_next(&guard, &parts[i], &lens[i])) > 0)
			if (i > 0)
				handle(ctx, guard.piece.data);
	xmpp_ctx_free(ctx);
	guard_free(&guard);
	return 0;
}
