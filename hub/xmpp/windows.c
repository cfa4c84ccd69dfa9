#include <belfry/base/mem.h>
#include <belfry/xmpp/windows.h>

#include <stdlib.h>

/* More entries than windows may be in flight, for barriers that are asked for again. */
#define ENTRIES 16
#define WEIGHT 0.3 /* of a new sample in the smoothed figures */
#define BASE_MS_MAX 250
/* A barrier that takes no longer comes back before half of what is in flight is taken. */
#define NEAR_MS (WINDOW_DRAIN_MS * WINDOWS_IN_FLIGHT / 2.0)

struct window {
	uint64_t number;
	uint64_t stanzas;
	uint64_t closed_us;
	uint64_t ahead; /* stanzas in flight before its own */
	bool full;	/* closed because of its size: its drain time tells the rate */
};

struct windows {
	struct window flying[ENTRIES]; /* oldest first */
	size_t count;
	uint64_t open_stanzas, open_bytes;
	uint64_t last;	    /* stanzas of the last bucket that was sent */
	uint64_t next;	    /* number of the open window */
	uint64_t passed_us; /* when the last barrier passed */
	size_t size;
	bool one_by_one;
	double drain_per_s, barrier_ms;
	double base_ms; /* of a barrier behind nothing; 0: not known */
};

struct windows *windows_create(void)
{
	struct windows *w = xcalloc(1, sizeof(*w));
	w->next = 1;
	windows_reset(w);
	return w;
}

void windows_destroy(struct windows *w)
{
	free(w);
}

void windows_reset(struct windows *w)
{
	w->count = 0;
	w->open_stanzas = w->open_bytes = 0;
	w->passed_us = 0;
	w->size = WINDOW_STANZAS_MIN;
	w->drain_per_s = w->barrier_ms = w->base_ms = 0;
}

void windows_one_by_one(struct windows *w, bool one_by_one)
{
	w->one_by_one = one_by_one;
}

/* A window ends with a bucket: with the one that comes nearest to its size. */
bool windows_full(const struct windows *w)
{
	size_t size = w->one_by_one ? 1 : w->size;
	return w->open_bytes >= WINDOW_BYTES_MAX ||
	       (w->open_stanzas && w->open_stanzas + w->last / 2 >= size);
}

static uint64_t in_flight(const struct windows *w)
{
	uint64_t stanzas = 0;
	for (size_t i = 0; i < w->count; i++)
		stanzas += w->flying[i].stanzas;
	return stanzas;
}

bool windows_may_send(const struct windows *w)
{
	size_t most = w->one_by_one ? 1 : WINDOWS_IN_FLIGHT;
	return w->count < most && !windows_full(w);
}

void windows_sent(struct windows *w, size_t stanzas, size_t bytes)
{
	w->open_stanzas += stanzas;
	w->last = stanzas;
	w->open_bytes += bytes;
}

bool windows_open(const struct windows *w)
{
	return w->open_stanzas > 0;
}

uint64_t windows_close(struct windows *w, uint64_t now_us)
{
	uint64_t earlier = 0, closed_us = now_us;
	if (w->count == ENTRIES) {
		struct window *last = &w->flying[--w->count];
		earlier = last->stanzas;
		closed_us = last->closed_us;
	}
	uint64_t ahead = in_flight(w);
	w->flying[w->count++] = (struct window){
		.number = w->next,
		.stanzas = earlier + w->open_stanzas,
		.closed_us = closed_us,
		.ahead = ahead,
		.full = windows_full(w) && !w->one_by_one,
	};
	w->open_stanzas = w->open_bytes = 0;
	return w->next++;
}

uint64_t windows_current(const struct windows *w)
{
	return w->next;
}

static double smooth(double old, double sample)
{
	return old > 0 ? old + WEIGHT * (sample - old) : sample;
}

/*
 * What a barrier takes without a queue: the way there and back, and the server's other
 * work. The shortest ever tells, or any one behind so little that it is hardly a queue.
 */
static void note_base(struct windows *w, const struct window *last, double took_ms)
{
	if (w->base_ms <= 0 || took_ms < w->base_ms)
		w->base_ms = took_ms;
	else if (w->size <= WINDOW_STANZAS_MIN && took_ms < BASE_MS_MAX &&
		 last->ahead < WINDOWS_IN_FLIGHT * WINDOW_STANZAS_MIN)
		w->base_ms = smooth(w->base_ms, took_ms);
}

/*
 * The server worked at STANZAS since the later of their closing and the barrier before.
 * A window that was not full says little about the rate: mostly the round trip.
 */
static void resize(struct windows *w, uint64_t stanzas, uint64_t since_us,
		   uint64_t now_us)
{
	double took_s = (double)(now_us > since_us ? now_us - since_us : 1) / 1e6;
	w->drain_per_s = smooth(w->drain_per_s, (double)stanzas / took_s);
	double far_ms = w->base_ms > NEAR_MS ? w->base_ms - NEAR_MS : 0;
	double target = (double)stanzas / took_s *
			(WINDOW_DRAIN_MS + far_ms / WINDOWS_IN_FLIGHT) / 1e3;
	double size = (double)w->size;
	if (target > 2 * size)
		target = 2 * size;
	if (target < size / 2)
		target = size / 2;
	if (target < WINDOW_STANZAS_MIN)
		target = WINDOW_STANZAS_MIN;
	if (target > WINDOW_STANZAS_MAX)
		target = WINDOW_STANZAS_MAX;
	w->size = (size_t)target;
}

uint64_t windows_passed(struct windows *w, uint64_t number, uint64_t now_us)
{
	if (w->count == 0 || number < w->flying[0].number || number >= w->next)
		return 0;
	size_t done = 0;
	uint64_t stanzas = 0;
	bool full = true;
	while (done < w->count && w->flying[done].number <= number) {
		stanzas += w->flying[done].stanzas;
		full = full && w->flying[done].full;
		done++;
	}
	const struct window *first = &w->flying[0], *last = &w->flying[done - 1];
	uint64_t newest = last->number;
	uint64_t closed_us = last->closed_us;
	double took_ms = now_us > closed_us ? (double)(now_us - closed_us) / 1e3 : 0.001;
	w->barrier_ms = smooth(w->barrier_ms, took_ms);
	note_base(w, last, took_ms);
	if (full)
		resize(w, stanzas,
		       w->passed_us > first->closed_us ? w->passed_us : first->closed_us,
		       now_us);
	w->passed_us = now_us;
	w->count -= done;
	for (size_t i = 0; i < w->count; i++)
		w->flying[i] = w->flying[i + done];
	return newest;
}

uint64_t windows_oldest_us(const struct windows *w)
{
	return w->count > 0 ? w->flying[0].closed_us : 0;
}

void windows_stats(const struct windows *w, struct windows_stats *out)
{
	*out = (struct windows_stats){
		.in_flight = w->count,
		.size = w->one_by_one ? 1 : w->size,
		.drain_per_s = w->drain_per_s,
		.barrier_ms = w->barrier_ms,
		.stanzas_in_flight = in_flight(w),
	};
}
