#include <belfry/serve/event_json.h>

#include <belfry/base/clock.h>
#include <belfry/http/json.h>

static void add_expiry(struct buf *out, const struct store_event *e)
{
	char at[CLOCK_TEXT_SIZE];

	if (!e->expires_ms)
		return;
	clock_format(e->expires_ms, at);
	json_add_member(out, "expires_at", at);
	if (e->expires_ms <= clock_wall_ms())
		json_add_member_raw(out, "expired", "true", 4);
}

static void add_head(struct buf *out, const char *feed, const struct store_event *e)
{
	char at[CLOCK_TEXT_SIZE];

	clock_format(e->at_ms, at);
	json_add_member(out, "id", e->id);
	json_add_member(out, "feed", feed);
	json_add_member(out, "item", e->item);
	json_add_member(out, "at", at);
}

void event_json_members(struct buf *out, const char *feed, const struct store_event *e)
{
	char pos[POS_TEXT_SIZE];

	pos_format(e->pos, pos);
	add_head(out, feed, e);
	json_add_member(out, "cursor", pos);
	json_add_member(out, "priority", priority_text(e->priority));
	add_expiry(out, e);
	if (e->kind == EVENT_RETRACT)
		json_add_member_raw(out, "retraction", "true", 4);
	if (e->superseded.n)
		json_add_member_raw(out, e->gone ? "retracted" : "replaced", "true", 4);
	json_add_member_raw(out, "event", e->doc, e->doc_len);
}

void scheduled_json_members(struct buf *out, const char *feed,
			    const struct store_scheduled *s)
{
	const struct store_event *e = &s->event;
	char due[CLOCK_TEXT_SIZE];

	clock_format(s->due_ms, due);
	add_head(out, feed, e);
	json_add_member(out, "deliver_at", due);
	json_add_member(out, "priority", priority_text(e->priority));
	add_expiry(out, e);
	json_add_member(out, "status", "scheduled");
	json_add_member_raw(out, "event", e->doc, e->doc_len);
}

const char *event_status(const struct store_counters *counters, bool settled)
{
	if (!settled)
		return "queued";
	return counters->held ? "held" : "done";
}
