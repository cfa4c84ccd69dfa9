#include <belfry/core/delivery.h>

#include <stdbool.h>

const char *delivery_text(enum delivery d)
{
	switch (d) {
	case DELIVERY_NOT_ITS:
		break;
	case DELIVERY_QUEUED:
		return "queued";
	case DELIVERY_TAKEN:
		return "taken";
	case DELIVERY_SENT:
		return "sent";
	case DELIVERY_FILTERED:
		return "filtered";
	case DELIVERY_HELD:
		return "held";
	case DELIVERY_DEAD:
		return "dead";
	case DELIVERY_RECEIVED:
		return "received";
	case DELIVERY_UNCONFIRMED:
		return "unconfirmed";
	}
	return "none";
}

/* Is an event at POS, which its bucket's cursor is past, among what H holds back? */
static bool held_back(const struct sub_hold *h, const struct event *e, struct pos pos)
{
	if (pos_cmp(pos, h->pos) <= 0 || (h->urgent && e->priority == PRIORITY_URGENT))
		return false;
	/* Of what is counted, some are only repeated. */
	return !sub_hold_counted(h, pos);
}

/* Of what the server has taken: what does the client say? */
static enum delivery taken(const struct sub *sub, const struct sub_hold *h,
			   struct pos pos)
{
	struct pos since;

	if (sub->format == FORMAT_HEADLINE)
		return DELIVERY_SENT;
	if (!sub_wants_receipts(sub))
		return DELIVERY_TAKEN;
	if (!sub_proven(sub, &since) || pos_cmp(pos, since) <= 0)
		return DELIVERY_UNCONFIRMED;
	return hold_awaits(h, pos) ? DELIVERY_UNCONFIRMED : DELIVERY_RECEIVED;
}

enum delivery delivery_of(const struct sub *sub, struct pos cursor, const struct event *e,
			  struct pos pos, uint64_t at_ms)
{
	struct sub_hold hold = {0};

	if (pos_cmp(pos, sub->since) <= 0)
		return DELIVERY_NOT_ITS;
	if (pos_cmp(pos, cursor) > 0)
		return DELIVERY_QUEUED;
	if (sub_held(sub))
		sub_hold_read(sub, &hold);
	if (hold.reason != HOLD_NONE && held_back(&hold, e, pos))
		return hold.reason == HOLD_DROPPED ? DELIVERY_DEAD : DELIVERY_HELD;
	if (!sub_passes(sub, e, at_ms))
		return DELIVERY_FILTERED;
	return taken(sub, &hold, pos);
}

enum delivery delivery_of_retraction(const struct sub *sub, struct pos cursor,
				     const struct event *e, struct pos pos,
				     struct pos retracts, uint64_t at_ms)
{
	if (pos_cmp(retracts, sub->since) <= 0)
		return DELIVERY_NOT_ITS;
	enum delivery d = delivery_of(sub, cursor, e, pos, at_ms);
	/* Headlines are not taken back. */
	return d == DELIVERY_SENT ? DELIVERY_FILTERED : d;
}
