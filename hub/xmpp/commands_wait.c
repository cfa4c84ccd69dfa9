#include "commands_int.h"
#include "digest.h"
#include "quiet.h"

#include <belfry/base/clock.h>

/* What lets a subscription rest: of one feed, or of all that are followed. */

/* ---- Muting: what comes is skipped ----------------------------------------------- */

static void said_muted(const struct request *r, struct buf *text)
{
	char until[COMMAND_TIME_SIZE];
	bool one = r->feed[0] != '\0';
	command_time(r->call->change.options.muted_until_ms, until);
	command_changed(r, " is", " are", text);
	buf_printf(text, " muted until %s. What comes meanwhile is skipped; ", until);
	command_quote(r, "last", " N", text);
	buf_adds(text, " shows it. Write ");
	command_quote(r, "unmute", "", text);
	buf_printf(text, " to hear %s before.", one ? "it" : "them");
}

static void said_unmuted(const struct request *r, struct buf *text)
{
	if (r->feed[0] != '\0')
		buf_printf(text, "You hear %s again.", r->feed);
	else
		command_changed(r, " is heard again.", " are heard again.", text);
}

static void mute_until(struct request *r, uint64_t until_ms, command_said said)
{
	command_change_any(r,
			   &(struct sub_change){.set = SUB_SET_MUTED,
						.format = FORMAT_CHAT,
						.options.muted_until_ms = until_ms},
			   said);
}

void run_mute(struct request *r)
{
	mute_until(r, clock_wall_ms() + r->call->args.time_ms, said_muted);
}

void run_unmute(struct request *r)
{
	mute_until(r, 0, said_unmuted);
}

/* ---- Pauses and quiet hours: what comes is kept ---------------------------------- */

static void said_paused(const struct request *r, struct buf *text)
{
	command_changed(r, " is", " are", text);
	buf_adds(text, " paused. What comes meanwhile is kept for you, as long as the "
		       "feed keeps its events. Write ");
	command_quote(r, "resume", "", text);
	buf_adds(text, " to get it.");
}

static void said_resumed(const struct request *r, struct buf *text)
{
	buf_adds(text, "You get ");
	command_changed(r, " again, and what was kept.", " again, and what was kept.",
			text);
}

static void pause(struct request *r, bool paused, command_said said)
{
	command_change_any(r,
			   &(struct sub_change){.set = SUB_SET_PAUSED,
						.format = FORMAT_CHAT,
						.options.paused = paused},
			   said);
}

void run_pause(struct request *r)
{
	pause(r, true, said_paused);
}

void run_resume(struct request *r)
{
	pause(r, false, said_resumed);
}

static void offer_end(const struct request *r, const char *command, struct buf *text)
{
	buf_adds(text, "Write ");
	command_quote(r, command, " off", text);
	buf_adds(text, " to end this, ");
	command_quote(r, "urgent", " on", text);
	buf_adds(text, " to get what is urgent at once.");
}

static void said_quiet(const struct request *r, struct buf *text)
{
	const struct sub_quiet *q = &r->call->change.options.quiet;
	if (!q->set) {
		command_changed(r, " has no", " have no", text);
		buf_adds(text, " quiet hours any more.");
		return;
	}
	command_changed(r, " has", " have", text);
	buf_adds(text, " quiet hours now: ");
	quiet_text(text, q);
	buf_adds(text, ". What comes then is kept until they are over. ");
	offer_end(r, "quiet", text);
}

void run_quiet(struct request *r)
{
	command_change_any(r,
			   &(struct sub_change){.set = SUB_SET_QUIET,
						.format = FORMAT_CHAT,
						.options.quiet = r->call->args.quiet},
			   said_quiet);
}

static void said_urgent(const struct request *r, struct buf *text)
{
	buf_adds(text, "What is urgent of ");
	const char *how =
		r->call->change.options.urgent_passes
			? " comes in quiet hours, before digests, and whatever you are "
			  "shown as (unless offline), too."
			: " waits for the end of quiet hours, for digests, and until you "
			  "are shown as you chose, too.";
	command_changed(r, how, how, text);
}

void run_urgent(struct request *r)
{
	command_change_any(
		r,
		&(struct sub_change){.set = SUB_SET_URGENT,
				     .format = FORMAT_CHAT,
				     .options.urgent_passes = r->call->args.on},
		said_urgent);
}

/* ---- Digests: what comes is kept, and sent together ------------------------------ */

static void said_digest(const struct request *r, struct buf *text)
{
	const struct sub_digest *d = &r->call->change.options.digest;
	buf_adds(text, "The events of ");
	if (!sub_digest_set(d)) {
		command_changed(r, " come one by one again.", " come one by one again.",
				text);
		return;
	}
	command_changed(r, " come together now, ", " come together now, ", text);
	digest_text(text, d);
	buf_adds(text, d->daily ? ". " : " (from the first one on). ");
	offer_end(r, "digest", text);
}

void run_digest(struct request *r)
{
	command_change_any(r,
			   &(struct sub_change){.set = SUB_SET_DIGEST,
						.format = FORMAT_CHAT,
						.options.digest = r->call->args.digest},
			   said_digest);
}
