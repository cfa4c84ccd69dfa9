#include "check.h"

#include <belfry/core/subscription.h>

#include <string.h>

/* What is read of a hold is written as it stood, but for zeros that lead. */
static void check_hold(const struct sub *sub)
{
	char text[HOLD_TEXT_SIZE];
	struct sub_hold hold, again;

	sub_hold_read(sub, &hold);
	CHECK(sub_held(sub) == (hold.reason != HOLD_NONE && hold.reason != HOLD_PROVING));
	if (hold.reason == HOLD_NONE)
		return;
	size_t len = sub_hold_text(&hold, text);
	CHECK(len == strlen(text) && len <= sub->hold_len);
	CHECK(sub_hold_parse(text, len, &again) == 0);
	CHECK(again.reason == hold.reason && !pos_cmp(again.pos, hold.pos) &&
	      again.due_ms == hold.due_ms && again.tries == hold.tries &&
	      !pos_cmp(again.counted, hold.counted) && !pos_cmp(again.end, hold.end) &&
	      !pos_cmp(again.members, hold.members) &&
	      strcmp(again.condition, hold.condition) == 0);
}

/* What is read of options is written so that it is read alike. */
static void check_options(const struct sub *sub)
{
	char text[SUB_OPTIONS_SIZE], again[SUB_OPTIONS_SIZE];
	struct sub_options o;

	sub_options_read(sub, &o);
	CHECK(!o.quiet.set || (sub_may_wait(sub) && *o.quiet.zone &&
			       o.quiet.from < 1440 && o.quiet.to < 1440));
	CHECK(!sub_digest_set(&o.digest) ||
	      (sub_may_wait(sub) && o.digest.every_min <= SUB_DIGEST_MAX &&
	       o.digest.at < 1440 && o.digest.daily == (*o.digest.zone != '\0')));
	if (sub_options_text(&o, text) < 0)
		return;
	struct sub words = {.options = text, .options_len = strlen(text)};
	sub_options_read(&words, &o);
	CHECK(sub_options_text(&o, again) >= 0 && strcmp(text, again) == 0);
}

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
		CHECK(again.hold_len == sub.hold_len &&
		      again.options_len == sub.options_len);
		check_hold(&sub);
		check_options(&sub);
		CHECK(sub_format_parse(sub_format_text(sub.format),
				       strlen(sub_format_text(sub.format)),
				       &again.format) == 0);
	}
	return 0;
}
