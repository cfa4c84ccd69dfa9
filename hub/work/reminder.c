#include "work/notices_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>

#include <stdlib.h>

struct reminder {
	struct owners *owners;
	char *jid, *feed;
	store_cb cb;
	void *arg;
};

static void on_put(void *arg, enum belfry_err err)
{
	struct reminder *r = arg;
	if (err && err != BELFRY_ENOFEED)
		owners_hold(r->owners, r->jid, r->feed, clock_mono_ms());
	r->cb(r->arg, err);
	free(r->jid);
	free(r->feed);
	free(r);
}

bool reminder_put(struct store *s, struct owners *owners, store_cb cb, void *arg)
{
	struct reminder r = {.owners = owners, .cb = cb, .arg = arg};
	if (!owners_due(owners, clock_mono_ms(), &r.jid, &r.feed))
		return false;
	struct reminder *kept = xcalloc(1, sizeof(*kept));
	*kept = r;
	const struct store_notice notice = {
		.feed = r.feed, .jid = r.jid, .kind = NOTICE_WAITING};
	s->ops->notice_put(s, &notice, on_put, kept);
	return true;
}
