#include <belfry/base/random.h>

#include <sodium.h>
#include <stdlib.h>

#define MAX_HEX_BYTES 64

static void ready(void)
{
	/* Cheap and harmless when it has been done. */
	if (sodium_init() < 0)
		abort();
}

void random_fill(void *out, size_t len)
{
	ready();
	if (len)
		randombytes_buf(out, len);
}

uint32_t random_below(uint32_t bound)
{
	ready();
	return randombytes_uniform(bound);
}

void random_hex(char *out, size_t bytes)
{
	unsigned char raw[MAX_HEX_BYTES];

	if (bytes > sizeof raw)
		abort();
	random_fill(raw, bytes);
	sodium_bin2hex(out, bytes * 2 + 1, raw, bytes);
	sodium_memzero(raw, sizeof raw);
}
