#include <belfry/base/zone.h>

#include <belfry/base/clock.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FOLDER "/usr/share/zoneinfo/"
#define NAME_MAX_BYTES 64
#define FILE_MAX_BYTES (64 * 1024)
#define DAY_MS 86400000
#define MINUTE_MS 60000

/*
 * What the C library said is kept: a zone that is in use is asked for with each delivery.
 * After a while it is asked again, as the system's files change when a country changes
 * its mind. It looks ahead as far as zone_until() goes from the last moment that it is
 * kept for; in all of the database no zone has two changes so near to each other.
 */
#define KEPT 1024 /* there are some 600 */
#define KEEP_S (6 * 3600)
#define KEEP_NONE_S 60 /* it may have been out of file descriptors alone */
#define AHEAD_S (32 * 3600)
struct entry {
	char name[NAME_MAX_BYTES + 1]; /* "": none */
	bool known;
	int64_t from, until;   /* it is good for these moments; seconds, as all here */
	int64_t change;	       /* INT64_MAX: none that soon */
	int32_t before, after; /* local time from UTC, around it; east is positive */
};
static struct entry kept[KEPT];

/* While an offset holds. */
struct span {
	int64_t until;
	int32_t offset;
};

static bool name_fit(const char *name)
{
	size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				  "0123456789._+-/");
	return len > 0 && len <= NAME_MAX_BYTES && !name[len] && name[0] != '/' &&
	       !strstr(name, "..") && !strstr(name, "./") &&
	       strncmp(name, "right/", 6) != 0; /* they count leap seconds */
}

static bool file_fit(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       st.st_size <= FILE_MAX_BYTES;
}

static struct tm local_at(int64_t t)
{
	time_t at = (time_t)t;
	struct tm tm = {0};
	localtime_r(&at, &tm);
	return tm;
}

static int32_t offset_at(int64_t t)
{
	return (int32_t)local_at(t).tm_gmtoff;
}

/* Asks the C library, which is in that zone now; false: it found none. */
static bool look(struct entry *e)
{
	int64_t last = e->from + AHEAD_S, first = e->from;

	e->before = offset_at(first);
	e->after = offset_at(last);
	e->change = INT64_MAX;
	if (e->before != e->after) {
		while (last - first > 1) {
			int64_t middle = first + (last - first) / 2;
			if (offset_at(middle) == e->before)
				first = middle;
			else
				last = middle;
		}
		e->change = last;
	}
	/* A TZ that it cannot make sense of is a zone without a name to it. */
	const char *abbreviation = local_at(e->from).tm_zone;
	return abbreviation && abbreviation[0];
}

/*
 * The C library's zone is the whole process's, which has but this one thread, and is put
 * back at once. The environment is exchanged rather than changed: setenv() would keep
 * each name for good, and no child that is started later must see it, nor must TZDIR
 * lead elsewhere. A file that has changed is seen, as the library has been in the
 * process's own zone in between.
 */
static bool read_zone(struct entry *e)
{
	char text[sizeof "TZ=:" FOLDER + NAME_MAX_BYTES];
	char *only[] = {text, NULL};
	char **ours = environ;

	snprintf(text, sizeof text, "TZ=:" FOLDER "%s", e->name);
	if (!file_fit(strchr(text, '/')))
		return false;
	environ = only;
	tzset();
	bool found = look(e);
	environ = ours;
	tzset();
	return found;
}

/* What is kept of NAME for T, asked for if need be; NULL: it is no name. */
static const struct entry *find(const char *name, int64_t t)
{
	uint32_t hash = 2166136261u;

	if (!name_fit(name))
		return NULL;
	for (const char *s = name; *s; s++)
		hash = (hash ^ (unsigned char)*s) * 16777619u;
	struct entry *e = &kept[hash % KEPT];
	bool same = strcmp(e->name, name) == 0;
	if (same && t >= e->from && t < e->until)
		return e;
	struct entry fresh = {.from = t, .until = t + KEEP_S};
	memcpy(fresh.name, name, strlen(name));
	fresh.known = read_zone(&fresh);
	if (!fresh.known)
		fresh.until = t + KEEP_NONE_S;
	if (fresh.known || !same || !e->known) {
		*e = fresh;
	} else {
		/* It was there: what it said last is nearer to the truth than UTC. */
		e->from = fresh.from;
		e->until = fresh.until;
	}
	return e;
}

static struct span span_at(const struct entry *e, int64_t t)
{
	if (!e || !e->known)
		return (struct span){INT64_MAX, 0};
	if (t < e->change)
		return (struct span){e->change, e->before};
	return (struct span){INT64_MAX, e->after};
}

bool zone_known(const char *name)
{
	const struct entry *e = find(name, (int64_t)(clock_wall_ms() / 1000));
	return strcmp(name, "UTC") == 0 || (e && e->known);
}

/* Milliseconds since its midnight of what a clock shows at MS, OFFSET seconds away. */
static int64_t time_of_day(int64_t ms, int32_t offset)
{
	int64_t t = (ms + (int64_t)offset * 1000) % DAY_MS;
	return t < 0 ? t + DAY_MS : t;
}

unsigned zone_minute(const char *name, uint64_t wall_ms)
{
	int64_t t = (int64_t)(wall_ms / 1000);
	struct span span = span_at(find(name, t), t);
	return (unsigned)(time_of_day((int64_t)wall_ms, span.offset) / MINUTE_MS);
}

uint64_t zone_until(const char *name, uint64_t wall_ms, unsigned minute)
{
	int64_t start = (int64_t)wall_ms, at = start,
		target = (int64_t)minute * MINUTE_MS;
	const struct entry *e = find(name, at / 1000);
	struct span span = span_at(e, at / 1000);
	int64_t wait = (target - time_of_day(at, span.offset) + DAY_MS - 1) % DAY_MS + 1;
	while (span.until <= (at + wait) / 1000) {
		int32_t before = span.offset;
		int64_t jump = span.until * 1000;
		wait -= jump - at;
		at = jump;
		span = span_at(e, at / 1000);
		/* Clocks were put forward over it: this is its moment. */
		int64_t skipped = ((int64_t)span.offset - before) * 1000;
		if (wait < skipped)
			return (uint64_t)(at - start);
		wait = (wait - skipped) % DAY_MS;
	}
	return (uint64_t)(at + wait - start);
}
