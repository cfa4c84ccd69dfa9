#ifndef BELFRY_WORK_OWNERS_H
#define BELFRY_WORK_OWNERS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How often owners are asked who may follow, of this worker: a bounded table of their
 * bare JIDs. Times are those of clock_mono_ms().
 */
struct owners;

#define OWNERS_AN_HOUR 20
#define OWNERS_AWAY_MS ((uint64_t)24 * 3600 * 1000)

struct owners *owners_create(void);
void owners_destroy(struct owners *o); /* NULL is safe */

/* LAST: nothing more for a while. */
enum owners_word { OWNERS_NO, OWNERS_YES, OWNERS_LAST };
/* May JID be sent a request now? What is not NO counts as sent. */
enum owners_word owners_ask(struct owners *o, const char *jid, uint64_t now);
/* What was sent since then was lost, and will be sent again. */
void owners_lost(struct owners *o, uint64_t since);
/* A request to JID came back. NOBODY: there is nobody, or it says that it blocks us: it
 * is asked no more, for a day or until it is heard. Else that is so at the third one
 * without a word from it. Without effect on whom nobody has asked. */
void owners_returned(struct owners *o, const char *jid, bool nobody, uint64_t now);
/* JID has written to us. */
void owners_heard(struct owners *o, const char *jid);

/* JID may not be asked now, and somebody wants to follow FEED: it is reminded of that in
 * an hour, or when it was away and is back. */
void owners_hold(struct owners *o, const char *jid, const char *feed, uint64_t now);
/* Who is to be reminded now, of which feed: both are the caller's, malloc'ed, and are
 * forgotten. False: nobody. */
bool owners_due(struct owners *o, uint64_t now, char **jid, char **feed);
/* CB is called when owners_due() may have somebody before an hour is over. */
void owners_listen(struct owners *o, void (*cb)(void *arg), void *arg);

#endif
