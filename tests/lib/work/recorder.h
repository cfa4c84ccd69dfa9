#ifndef BELFRY_TESTS_LIB_WORK_RECORDER_H
#define BELFRY_TESTS_LIB_WORK_RECORDER_H

#include <belfry/base/buf.h>
#include <belfry/xmpp/link.h>

/*
 * A link that goes nowhere: it keeps what is sent, and the test plays the server. Nothing
 * happens by itself but what recorder_obliging() asks for; handlers are called from
 * inside the recorder_*() calls.
 */
struct link *recorder_create(const struct link_handlers *handlers, void *arg);

/* Answer everything as a good server would: up() in open(), down() in close(), the
 * result of each barrier when the test calls recorder_serve(). */
void recorder_obliging(struct link *l, bool on);
/* Passes the barriers asked for since, one by one; returns how many. */
size_t recorder_serve(struct link *l);
/* Is one open? *MESSAGES of those kept were sent before the oldest was asked for. */
bool recorder_oldest(const struct link *l, size_t *messages);
/* Is the multicast service pinged as well? */
bool recorder_oldest_service(const struct link *l);
void recorder_serve_one(struct link *l); /* the oldest */

/* ---- What was asked of it ---- */

unsigned recorder_opens(const struct link *l);	/* calls of open() */
unsigned recorder_closes(const struct link *l); /* calls of close() */
/* All bytes sent since the start or recorder_forget(); valid until the next send. */
const struct buf *recorder_bytes(const struct link *l);
unsigned recorder_told(const struct link *l,
		       const char *part); /* how often it is in them */
void recorder_forget(struct link *l);
/* Counters only: for runs whose bytes would not fit. */
void recorder_count_only(struct link *l, bool on);
uint64_t recorder_bytes_total(const struct link *l);
/* Whole <message/> stanzas kept, and one of them (not NUL-terminated). */
size_t recorder_messages(const struct link *l);
const char *recorder_message(const struct link *l, size_t index, size_t *len);
/* An attribute of a message's start tag, still escaped, malloc'ed. NULL: it has none. */
char *recorder_attribute(const struct link *l, size_t index, const char *name);
/* Its receiver N, of a group or the only one, as the attribute is. NULL: no more. */
char *recorder_receiver(const struct link *l, size_t index, size_t n);
/* The newest barrier asked for, and the newest passed; 0: none. */
uint64_t recorder_barrier_asked(const struct link *l);
uint64_t recorder_barrier_passed(const struct link *l);

/* ---- What the server does ---- */

void recorder_up(struct link *l);
void recorder_down(struct link *l, enum link_end end, const char *condition);
void recorder_pass(struct link *l, uint64_t number);
void recorder_bounce(struct link *l, const char *id, const char *from,
		     enum bounce_class class, const char *condition);
void recorder_received(struct link *l, const char *id, const char *from);
/* Receivers that a group may have: as long as the engine does not say it wants none. */
void recorder_set_group(struct link *l, size_t most);
/* From true to false: no room; from false to true: room() is called. */
void recorder_set_room(struct link *l, bool room);

#endif
