#include "pubsub_digest.h"

#include "digest.h"
#include "forms.h"

#include <belfry/base/text.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS 60000
#define EVERY_MIN 60 /* where a digest is asked for, and not how often */

void pubsub_digest_fields(struct buf *out, const struct sub_digest *d)
{
	char ms[24];
	pubsub_boolean_field(out, PUBSUB_DIGEST, "Events come together",
			     sub_digest_set(d));
	form_field(out, PUBSUB_FREQUENCY, "text-single",
		   "Milliseconds between two digests (a minute to seven days)", false);
	if (d->every_min > 0) {
		snprintf(ms, sizeof(ms), "%llu",
			 (unsigned long long)d->every_min * MINUTE_MS);
		form_field_value(out, ms);
	}
	form_field_end(out);
	form_field(out, PUBSUB_DAILY, "text-single",
		   "Or one digest a day, at (08:00 Europe/Berlin)", false);
	if (d->daily) {
		struct buf text = {0};
		buf_printf(&text, "%02u:%02u %s", d->at / 60, d->at % 60, d->zone);
		form_field_value(out, text.data);
		buf_free(&text);
	}
	form_field_end(out);
}

/* XEP-0060 16.4.3 has a switch and a frequency, and knows no time of the day: which is
 * used where there is one, and the frequency else. */
bool pubsub_read_digest(xmpp_stanza_t *f, struct sub_change *c)
{
	bool on;
	if (!pubsub_read_boolean(f, &on))
		return false;
	c->set |= SUB_SET_DIGEST;
	if (!on)
		c->options.digest = (struct sub_digest){0};
	else if (!sub_digest_set(&c->options.digest))
		c->options.digest.every_min = EVERY_MIN;
	return true;
}

bool pubsub_read_frequency(xmpp_stanza_t *f, struct sub_change *c)
{
	struct sub_digest *d = &c->options.digest;
	char *text = form_text(f);
	uint64_t ms = 0;
	bool none = text[0] == '\0';
	bool fine = none || (parse_u64(text, strlen(text),
				       (uint64_t)SUB_DIGEST_MAX * MINUTE_MS, &ms) == 0 &&
			     ms > 0);
	free(text);
	if (none || !fine || sub_digest_set(d))
		return fine;
	/* It is a minimum. */
	d->every_min = (unsigned)((ms + MINUTE_MS - 1) / MINUTE_MS);
	c->set |= SUB_SET_DIGEST;
	return true;
}

bool pubsub_read_daily(xmpp_stanza_t *f, struct sub_change *c)
{
	char *text = form_text(f);
	bool none = text[0] == '\0';
	bool fine = none || digest_take_daily(&c->options.digest, text);
	if (!none && fine)
		c->set |= SUB_SET_DIGEST;
	free(text);
	return fine;
}
