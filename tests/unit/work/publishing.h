#ifndef BELFRY_TESTS_UNIT_WORK_PUBLISHING_H
#define BELFRY_TESTS_UNIT_WORK_PUBLISHING_H

#include "world.h"

/*
 * What world_commit() does, for events that are more than a document, and for items that
 * are taken back. What is not given: the feed is "deploys", the id new, the item the
 * event's own, it happens now; of a retraction the document is "{}". An event's priority
 * is told by its document, as there.
 */
struct pos world_publish(struct world *w, struct store_commit c);
struct pos world_retract(struct world *w, struct store_retract r);

#endif
