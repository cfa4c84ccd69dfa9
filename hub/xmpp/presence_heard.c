#include "session.h"

#include <belfry/core/feed.h>

#include <stdlib.h>
#include <string.h>

/*
 * What people show of themselves to feeds. The hub knows who is of interest, and forgets
 * the rest at once: so there is nothing here that a stranger could fill.
 */
#define PRIORITY_MAX 127

static bool of_a_feed(const struct session *s, const struct incoming *in)
{
	return s->hub != NULL && in->place == PLACE_FEED &&
	       feed_name_valid(in->feed, strlen(in->feed));
}

static char *child_text(const struct incoming *in, const char *name)
{
	return element_text(element_find(in->stanza, name, NULL));
}

/* What is no word of RFC 6121 is as if there were none. */
static enum availability show_of(const struct incoming *in)
{
	static const enum availability shows[] = {AVAIL_CHAT, AVAIL_AWAY, AVAIL_XA,
						  AVAIL_DND};
	enum availability show = AVAIL_ONLINE;
	char *text = child_text(in, "show");
	for (size_t i = 0; i < sizeof(shows) / sizeof(shows[0]); i++)
		if (strcmp(text, availability_text(shows[i])) == 0)
			show = shows[i];
	free(text);
	return show;
}

static int priority_of(const struct incoming *in)
{
	char *text = child_text(in, "priority");
	long n = strtol(text, NULL, 10);
	free(text);
	if (n > PRIORITY_MAX)
		return PRIORITY_MAX;
	return n < -PRIORITY_MAX - 1 ? -PRIORITY_MAX - 1 : (int)n;
}

static void tell(struct session *s, const struct incoming *in, const char *jid,
		 enum availability now, int priority)
{
	s->hub->ops->available(s->hub->hub, in->feed, jid, now, priority);
}

void presence_available(struct session *s, const struct incoming *in)
{
	if (of_a_feed(s, in))
		tell(s, in, in->from, show_of(in), priority_of(in));
}

void presence_unavailable(struct session *s, const struct incoming *in)
{
	if (of_a_feed(s, in))
		tell(s, in, in->from, AVAIL_OFFLINE, 0);
}

void presence_error(struct session *s, const struct incoming *in)
{
	if (of_a_feed(s, in))
		tell(s, in, in->bare, AVAIL_UNKNOWN, 0);
}
