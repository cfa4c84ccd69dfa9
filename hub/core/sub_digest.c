#include <belfry/core/subscription.h>

#include <belfry/base/text.h>

#include <stdio.h>

static const struct {
	char letter;
	unsigned minutes;
} units[] = {{'d', SUB_DAY_MINUTES}, {'h', 60}, {'m', 1}};
#define UNITS (sizeof units / sizeof units[0])

bool sub_digest_set(const struct sub_digest *d)
{
	return d->daily || d->every_min;
}

int sub_digest_every_parse(const char *s, size_t len, unsigned *minutes)
{
	char letter = len ? s[len - 1] : '\0';
	uint64_t n;
	size_t i = 0;

	if (letter >= 'A' && letter <= 'Z')
		letter = (char)(letter + 'a' - 'A');
	while (i < UNITS && units[i].letter != letter)
		i++;
	if (i == UNITS || parse_u64(s, len - 1, SUB_DIGEST_MAX / units[i].minutes, &n) ||
	    n * units[i].minutes < SUB_DIGEST_MIN)
		return -1;
	*minutes = (unsigned)n * units[i].minutes;
	return 0;
}

void sub_digest_every_text(unsigned minutes, char out[SUB_DIGEST_TEXT_SIZE])
{
	size_t i = 0;

	while (minutes % units[i].minutes)
		i++;
	snprintf(out, SUB_DIGEST_TEXT_SIZE, "%u%c", minutes / units[i].minutes,
		 units[i].letter);
}
