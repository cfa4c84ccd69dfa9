#ifndef BELFRY_BENCH_TALLY_H
#define BELFRY_BENCH_TALLY_H

#include <belfry/base/buf.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Counts messages by event, and tells receivers apart by the first number in their JIDs
 * (user0000042@example.org): every one of an event's receivers sets a bit of its own.
 */

/* A stanza of a stream. What it points to stands in the stream's bytes. */
struct stanza {
	size_t len;
	bool message;
	const char *to, *id; /* NULL: has none */
	size_t to_len, id_len;
};
/* The length of a message behind its start tag is mostly that of the one before. */
struct stanza_hint {
	size_t rest_len;
};
/*
 * Reads the first stanza of DATA, from its '<' on. False: it is not whole. Stanzas are
 * taken to be well-formed, and not to hold one of their own kind.
 */
bool stanza_read(struct stanza_hint *hint, const char *data, size_t len,
		 struct stanza *out);

struct tally;
struct tally *tally_create(void);
void tally_destroy(struct tally *t);
void tally_reset(struct tally *t);
void tally_add(struct tally *t, const char *data, const struct stanza *s,
	       uint64_t now_us);
uint64_t tally_messages(const struct tally *t);
/* Members of a JSON object: in all, and for each event. */
void tally_report(const struct tally *t, struct buf *out);
/* The first message since the last reset; NULL: there was none. */
const struct buf *tally_sample(const struct tally *t);

#endif
