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
 * instead, however they are grouped, so that its repeats bear the same id, too. That of a
 * digest has a number in hexadecimal behind N, the last of its events:
 * "FEED~12-9+13~...", bit I for the event I before that (so this one is of 12-5, 12-8 and
 * 12-9).
 */
#define STANZA_ID_GROUP "group"
struct pos;
#define STANZA_ID_SIZE 144
struct stanza_id {
	char feed[65];
	uint64_t epoch;
	uint64_t n;
	uint32_t hash; /* 0 for a group's */
	bool group;
	uint64_t members; /* of a digest; 0: it is none */
};
/* 0, or -1 if it is not one of ours. Foreign input. */
int stanza_id_parse(const char *s, size_t len, struct stanza_id *out);

#endif
