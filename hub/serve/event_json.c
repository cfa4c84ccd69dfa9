#include <belfry/serve/event_json.h>

#include <belfry/base/clock.h>
#include <belfry/http/json.h>

void event_json_members(struct buf *out, const char *feed, const struct store_event *e)
{
	char at[CLOCK_TEXT_SIZE], pos[POS_TEXT_SIZE];

	clock_format(e->at_ms, at);
	pos_format(e->pos, pos);
	json_add_member(out, "id", e->id);
	json_add_member(out, "feed", feed);
	json_add_member(out, "item", e->item);
	json_add_member(out, "at", at);
	json_add_member(out, "cursor", pos);
	json_add_member(out, "priority", priority_text(e->priority));
	json_add_member_raw(out, "event", e->doc, e->doc_len);
}

const char *event_status(const struct store_counters *counters, bool settled)
{
	if (!settled)
		return "queued";
	return counters->held ? "held" : "done";
}
