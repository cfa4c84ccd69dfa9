#include "store/redis_url.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	char why[160];
	struct redis_url u;
	if (!text)
		abort();
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	if (redis_url_parse(&u, text, why, sizeof why) == 0) {
		if (!u.host.name + !u.path + !u.master != 2 ||
		    !u.master != !u.sentinels || !u.sentinel_count != !u.master ||
		    (u.host.name && !u.host.port))
			abort();
		for (size_t i = 0; i < u.sentinel_count; i++)
			if (!u.sentinels[i].name[0] || !u.sentinels[i].port)
				abort();
		redis_url_free(&u);
	}
	free(text);
	return 0;
}
