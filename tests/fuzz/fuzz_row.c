#include "check.h"

#include <belfry/core/subscription.h>

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[SUB_TEXT_SIZE];
	struct sub sub, again;

	row_hash(77777, (const char *)data, size);
	if (sub_parse((const char *)data, size, &sub) == 0) {
		size_t len = sub_format_row(&sub, text);
		CHECK(len == strlen(text) && len <= size);
		CHECK(sub_parse(text, len, &again) == 0);
		CHECK(again.format == sub.format && !pos_cmp(again.since, sub.since));
		CHECK(pos_cmp(again.bounced, sub.bounced) == 0);
		CHECK(sub_format_parse(sub_format_text(sub.format),
				       strlen(sub_format_text(sub.format)),
				       &again.format) == 0);
	}
	return 0;
}
