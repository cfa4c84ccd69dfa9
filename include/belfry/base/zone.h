#ifndef BELFRY_BASE_ZONE_H
#define BELFRY_BASE_ZONE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Local time in the zones of the IANA database, as the system has it
 * (/usr/share/zoneinfo). Names come from outside: only [A-Za-z0-9._+-/], never "..".
 */

/* "Europe/Berlin", "UTC": is there one of that name? */
bool zone_known(const char *name);
/* Minutes since midnight, there, at WALL_MS; in UTC if the zone is not known. */
unsigned zone_minute(const char *name, uint64_t wall_ms);
/* Milliseconds from WALL_MS to the next moment (not this one) at which it is MINUTE
 * minutes past midnight there; at most some 25 hours. */
uint64_t zone_until(const char *name, uint64_t wall_ms, unsigned minute);

#endif
