#include <belfry/core/backoff.h>

#include <belfry/base/random.h>

static uint64_t ceiling_of(const struct backoff *b)
{
	uint64_t ceiling = b->first_ms;

	for (unsigned i = 0; i < b->tries && ceiling < b->max_ms; i++)
		ceiling = ceiling > UINT64_MAX / 2 ? UINT64_MAX : ceiling * 2;
	return ceiling < b->max_ms ? ceiling : b->max_ms;
}

uint64_t backoff_next(struct backoff *b)
{
	uint64_t ceiling = ceiling_of(b);
	uint64_t spread = ceiling - ceiling / 2 + 1;

	if (spread > UINT32_MAX)
		spread = UINT32_MAX;
	if (b->tries < 64)
		b->tries++;
	return ceiling / 2 + random_below((uint32_t)spread);
}

void backoff_reset(struct backoff *b)
{
	b->tries = 0;
}
