#ifndef BELFRY_CORE_ID_H
#define BELFRY_CORE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The public id of an event: a UUID version 7 (RFC 9562), ordered by time of creation. */
#define EVENT_ID_SIZE 37 /* 36 characters and a NUL */
void event_id_make(uint64_t wall_ms, char out[EVENT_ID_SIZE]);
bool event_id_valid(const char *s, size_t len);

/*
 * The stanza id of a delivery: "FEED~EPOCH-N~HHHHHHHH", the last part being row_hash() of
 * the row's key in hexadecimal. A repeat bears the same id; a late bounce finds its way.
 * What goes to a group of receivers by a multicast service ends in STANZA_ID_GROUP
 * instead, however they are grouped, so that its repeats bear the same id, too.
 */
#define STANZA_ID_GROUP "group"
struct pos;
#define STANZA_ID_SIZE 128
struct stanza_id {
	char feed[65];
	uint64_t epoch;
	uint64_t n;
	uint32_t hash; /* 0 for a group's */
	bool group;
};
/* 0, or -1 if it is not one of ours. Foreign input. */
int stanza_id_parse(const char *s, size_t len, struct stanza_id *out);

#endif
