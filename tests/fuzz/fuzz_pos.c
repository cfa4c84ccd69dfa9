#include "check.h"

#include <belfry/core/pos.h>

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[POS_TEXT_SIZE];
	struct pos p;

	/* One spelling a position: what is accepted is written the same. */
	if (pos_parse((const char *)data, size, &p) == 0) {
		CHECK(pos_format(p, text) == size);
		CHECK(memcmp(text, data, size) == 0);
	}
	return 0;
}
