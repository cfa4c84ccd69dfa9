#ifndef BELFRY_HUB_CLI_EVENT_TEXT_H
#define BELFRY_HUB_CLI_EVENT_TEXT_H

#include <belfry/base/buf.h>
#include <belfry/store/store.h>

#include <stdbool.h>
#include <stddef.h>

/*
 * What others wrote, for a terminal: control characters become blanks, so that a title
 * moves no cursor and begins no line.
 */
void text_add_plain(struct buf *out, const char *s, size_t len);
/* A line: when, priority, id and title (or else what it says), with a TAB between. */
void event_add_line(struct buf *out, const struct store_event *e);
/* The same as an object of JSON, on one line. */
void event_add_json(struct buf *out, const char *feed, const struct store_event *e);
void scheduled_add_json(struct buf *out, const char *feed,
			const struct store_scheduled *s);

#endif
