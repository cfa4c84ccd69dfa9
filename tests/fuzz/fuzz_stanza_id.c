#include "check.h"

#include <belfry/core/feed.h>
#include <belfry/core/id.h>

#include <inttypes.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[STANZA_ID_SIZE];
	struct stanza_id id;

	event_id_valid((const char *)data, size);
	if (stanza_id_parse((const char *)data, size, &id) == 0) {
		int len = snprintf(text, sizeof text, "%s~%" PRIu64 "-%" PRIu64, id.feed,
				   id.epoch, id.n);
		CHECK(!id.members || ((id.members & 1) && id.members > 1 && !id.group));
		if (id.members)
			len += snprintf(text + len, sizeof text - (size_t)len,
					"+%" PRIx64, id.members);
		len += snprintf(text + len, sizeof text - (size_t)len, "~");
		if (id.group)
			len += snprintf(text + len, sizeof text - (size_t)len,
					STANZA_ID_GROUP);
		else
			len += snprintf(text + len, sizeof text - (size_t)len,
					"%08" PRIx32, id.hash);
		CHECK(len > 0 && (size_t)len == size && memcmp(text, data, size) == 0);
		CHECK(feed_name_valid(id.feed, strlen(id.feed)));
	}
	return 0;
}
