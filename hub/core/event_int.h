#ifndef BELFRY_HUB_CORE_EVENT_INT_H
#define BELFRY_HUB_CORE_EVENT_INT_H

#include <belfry/core/event.h>

#include <stdbool.h>

/*
 * The two ways of event_parse_json(). The quick one takes the usual documents and leaves
 * the rest (false, *e empty) to the other: also whatever is wrong, so that one place says
 * why. What both take they understand alike.
 */
bool event_parse_quick(struct event *e, const char *json, size_t len);
int event_parse_careful(struct event *e, const char *json, size_t len, char *why,
			size_t why_size);

#endif
