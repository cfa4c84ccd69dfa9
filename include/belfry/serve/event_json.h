#ifndef BELFRY_SERVE_EVENT_JSON_H
#define BELFRY_SERVE_EVENT_JSON_H

#include <belfry/base/buf.h>
#include <belfry/store/store.h>

/*
 * An event as REST and the command line show it: the members of an object, behind the
 * "{" that the caller wrote.
 */
void event_json_members(struct buf *out, const char *feed, const struct store_event *e);
/* The same of one that is to come. */
void scheduled_json_members(struct buf *out, const char *feed,
			    const struct store_scheduled *s);
/* "queued": it has not reached everybody. "held": but for those who are held. "done" */
const char *event_status(const struct store_counters *counters, bool settled);

#endif
