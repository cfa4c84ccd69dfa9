#ifndef BELFRY_CORE_RATE_H
#define BELFRY_CORE_RATE_H

#include <stddef.h>
#include <stdint.h>

/* How many events in a while, and how many of them at once. */
struct rate {
	uint32_t events;   /* 0: as many as they like */
	uint32_t period_s; /* 1, 60 or 3600 */
	uint32_t burst;	   /* 0: EVENTS */
};

#define RATE_MAX 1000000 /* of events, and of burst */
#define RATE_TEXT_SIZE 16
#define RATE_FORM "N/s, N/min or N/h, N from 1 to 1000000"

/* "10/s", "600/min", "100/h": sets all but the burst. 0, or -1 and *r as it was. */
int rate_parse(struct rate *r, const char *text, size_t len);
/* And back; "" where there is none. */
void rate_format(const struct rate *r, char out[RATE_TEXT_SIZE]);
uint32_t rate_burst(const struct rate *r); /* at least 1 where there is a rate */

#endif
