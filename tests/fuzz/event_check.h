#ifndef BELFRY_TESTS_FUZZ_EVENT_CHECK_H
#define BELFRY_TESTS_FUZZ_EVENT_CHECK_H

#include <belfry/core/event.h>

/*
 * What must hold for every accepted event: its document is read again as the same event;
 * rendered in every format it is well-formed XML that carries the document, within the
 * bound; what people read is UTF-8 within its limit.
 */
void check_event(const struct event *e);
void check_same_event(const struct event *a, const struct event *b);

#endif
