#include <belfry/core/pos.h>

#include <belfry/base/text.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int pos_cmp(struct pos a, struct pos b)
{
	if (a.epoch != b.epoch)
		return a.epoch < b.epoch ? -1 : 1;
	if (a.n != b.n)
		return a.n < b.n ? -1 : 1;
	return 0;
}

uint64_t pos_between(struct pos had, struct pos next)
{
	uint64_t last = had.epoch == next.epoch ? had.n : 0;

	if ((!had.epoch && !had.n) || next.n <= last)
		return 0;
	return next.n - last - 1;
}

size_t pos_format(struct pos p, char out[POS_TEXT_SIZE])
{
	int len = snprintf(out, POS_TEXT_SIZE, "%" PRIu64 "-%" PRIu64, p.epoch, p.n);

	return (size_t)len;
}

/* One spelling a number, so that equal positions are equal texts. */
static int parse_number(const char *s, size_t len, uint64_t *out)
{
	if (len == 0 || (len > 1 && s[0] == '0'))
		return -1;
	return parse_u64(s, len, UINT64_MAX, out);
}

int pos_parse(const char *s, size_t len, struct pos *out)
{
	const char *dash = len ? memchr(s, '-', len) : NULL;
	struct pos p;

	if (!dash)
		return -1;
	size_t epoch_len = (size_t)(dash - s);
	if (parse_number(s, epoch_len, &p.epoch) ||
	    parse_number(dash + 1, len - epoch_len - 1, &p.n))
		return -1;
	*out = p;
	return 0;
}
