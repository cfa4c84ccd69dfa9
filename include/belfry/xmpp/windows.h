#ifndef BELFRY_XMPP_WINDOWS_H
#define BELFRY_XMPP_WINDOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How much may be on its way to the server: windows of stanzas, each closed by a barrier,
 * few in flight, sized so that one drains in WINDOW_DRAIN_MS at the rate that was
 * measured, and longer where the server is far away: its part of the way there and back.
 * Pure bookkeeping: it sends nothing. Time comes in as clock_mono_us().
 */
#define WINDOW_DRAIN_MS 2
#define WINDOWS_IN_FLIGHT 4
#define WINDOW_STANZAS_MIN 16
#define WINDOW_STANZAS_MAX 8192
#define WINDOW_BYTES_MAX (1024 * 1024)

struct windows;
struct windows *windows_create(void);
void windows_destroy(struct windows *w);
/* A new stream: nothing is in flight, the size begins small again. */
void windows_reset(struct windows *w);
/* One stanza, one window in flight, while ONE_BY_ONE. */
void windows_one_by_one(struct windows *w, bool one_by_one);

/* May another stanza go into the open window (opening one if there is room)? */
bool windows_may_send(const struct windows *w);
void windows_sent(struct windows *w, size_t stanzas, size_t bytes);
/* The open window has reached its size and wants a barrier. */
bool windows_full(const struct windows *w);
/* The open window holds something. */
bool windows_open(const struct windows *w);
/* Closes the open window; its barrier's number, growing from 1 for ever. */
uint64_t windows_close(struct windows *w, uint64_t now_us);
/* The number that the open (or next) window will have. */
uint64_t windows_current(const struct windows *w);
/*
 * The result of barrier NUMBER came: every window up to it is done. Returns the number of
 * the newest window done, 0 if none is (a stale or unknown number).
 */
uint64_t windows_passed(struct windows *w, uint64_t number, uint64_t now_us);
/* When the oldest barrier in flight was sent; 0: none is. */
uint64_t windows_oldest_us(const struct windows *w);

struct windows_stats {
	size_t in_flight, size; /* windows; stanzas a window */
	uint64_t stanzas_in_flight;
	double drain_per_s; /* stanzas the server takes, smoothed */
	double barrier_ms;  /* close to result, smoothed */
};
void windows_stats(const struct windows *w, struct windows_stats *out);

#endif
