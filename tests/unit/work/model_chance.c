#include "model.h"

#include <sodium.h>

/*
 * Chance and time of a history are its own: it is the same each time that it is played.
 * Bytes at random are for ids, of which some are kept ready from one history to the next;
 * they have a generator of their own.
 */
static uint64_t chance, bytes;

static uint64_t next(uint64_t *rng)
{
	*rng ^= *rng << 13;
	*rng ^= *rng >> 7;
	*rng ^= *rng << 17;
	return *rng;
}

static const char *name(void)
{
	return "model";
}

static uint32_t any(void)
{
	return (uint32_t)(next(&chance) >> 16);
}

static uint32_t uniform(const uint32_t bound)
{
	return bound ? any() % bound : 0;
}

static void fill(void *const out, const size_t size)
{
	for (size_t i = 0; i < size; i++)
		((unsigned char *)out)[i] = (unsigned char)(next(&bytes) >> 16);
}

void chance_begin(struct model *m)
{
	static struct randombytes_implementation own = {.implementation_name = name,
							.random = any,
							.uniform = uniform,
							.buf = fill};
	char id[EVENT_ID_SIZE];
	bytes = m->rng;
	randombytes_set_implementation(&own);
	event_id_make(0, id); /* the last one that others made is forgotten */
	chance = m->rng;
	world_freeze();
}
