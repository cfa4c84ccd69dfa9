#include "commands_int.h"
#include "digest.h"
#include "quiet.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>

#include <stdio.h>
#include <string.h>

#define LIST_PAGE 50

/* ---- What a subscription is like, in words --------------------------------------------
 */

/* "web, db; high or more urgent", or nothing. */
static void filter_text(const struct sub_options *o, struct buf *out)
{
	for (size_t i = 0; i < o->tag_count; i++)
		buf_printf(out, "%s%s", i > 0 ? ", " : "", o->tags[i]);
	if (o->at_least == PRIORITY_LOW)
		return;
	buf_printf(out, "%s%s%s", o->tag_count > 0 ? "; " : "",
		   priority_text(o->at_least),
		   o->at_least < PRIORITY_URGENT ? " or more urgent" : "");
}

/* ---- How it comes, and what of it
 * ------------------------------------------------------
 */

static void said_format(const struct request *r, struct buf *text)
{
	enum sub_format format = r->call->change.format;
	buf_printf(text, "From now on %s comes as %s.", r->feed, sub_format_text(format));
	if (format == FORMAT_HEADLINE)
		buf_adds(text, " Headlines are lost while you are offline.");
	if (format == FORMAT_EVENT)
		buf_adds(text, " Such events are for programs: most apps do not show "
			       "them.");
}

void run_format(struct request *r)
{
	command_change(r,
		       &(struct sub_change){.set = SUB_SET_FORMAT,
					    .format = r->call->args.format},
		       said_format);
}

static void said_only(const struct request *r, struct buf *text)
{
	buf_printf(text, "Of %s you now get only: ", r->feed);
	filter_text(&r->call->change.options, text);
	buf_adds(text, ". Write ");
	command_quote(r, "everything", "", text);
	buf_adds(text, " to get all of it again.");
}

void run_only(struct request *r)
{
	command_change(r,
		       &(struct sub_change){.set = SUB_SET_TAGS | SUB_SET_PRIORITY,
					    .format = FORMAT_CHAT,
					    .options = r->call->args.only},
		       said_only);
}

static void said_everything(const struct request *r, struct buf *text)
{
	buf_printf(text, "You get everything of %s again.", r->feed);
}

void run_everything(struct request *r)
{
	command_change(r,
		       &(struct sub_change){.set = SUB_SET_TAGS | SUB_SET_PRIORITY,
					    .format = FORMAT_CHAT},
		       said_everything);
}

/* "22:00-07:00 Europe/Berlin, but for what is urgent", or nothing. */
static void quiet_hours_text(const struct sub_options *o, struct buf *out)
{
	if (!o->quiet.set)
		return;
	quiet_text(out, &o->quiet);
	if (o->urgent_passes)
		buf_adds(out, ", but for what is urgent");
}

/* "while you are offline, and unless you are shown as chat, online", with what passes, or
 * what is missing for it, or nothing. */
static void presence_text(const struct sub *sub, const struct sub_options *o,
			  struct buf *out)
{
	char shows[SHOWS_TEXT_SIZE];
	const char *unseen = command_unseen(sub);
	if (o->hold_offline)
		buf_adds(out, "while you are offline");
	if (shows_text(o->shows, shows) > 0)
		buf_printf(out, "%sunless you are shown as %s",
			   o->hold_offline ? ", and " : "", shows);
	if (unseen != NULL)
		buf_printf(out, " (not now: %s)", unseen);
	else if (o->shows != 0 && o->urgent_passes)
		buf_adds(out, " (what is urgent comes, unless you are offline)");
	if (o->receipt || sub_proven(sub, NULL))
		buf_printf(out, "%suntil your client confirms it%s",
			   o->hold_offline || o->shows ? "; " : "",
			   sub_proven(sub, NULL) ? "" : " (it has not yet)");
}

/* "every 1h, but for what is urgent", or nothing. */
static void digests_text(const struct sub_options *o, struct buf *out)
{
	digest_text(out, &o->digest);
	if (out->len > 0 && o->urgent_passes)
		buf_adds(out, ", but for what is urgent");
}

/* What came back, or nothing. */
static void held_text(const struct sub *sub, struct buf *out)
{
	struct sub_hold h;
	sub_hold_read(sub, &h);
	if (h.reason != HOLD_BOUNCED && h.reason != HOLD_DEAD)
		return;
	buf_adds(out, "it came back");
	if (h.condition[0] != '\0')
		buf_printf(out, " (%s)", h.condition);
	buf_adds(out, h.reason == HOLD_DEAD ? " too often: 'resume' tries again"
					    : ", and is tried again");
}

/* ---- What one follows
 * ------------------------------------------------------------------ */

static const struct answer_column subscription_columns[] = {
	{"feed", "Feed", ""},
	{"format", "Comes as", ""},
	{"only", "Only", "only "},
	{"muted", "Muted until", "muted until "},
	{"paused", "Paused", ""},
	{"quiet", "Quiet hours", "quiet "},
	{"digest", "Together", "together "},
	{"kept", "Kept", "kept "},
	{"held", "Held", "held: "},
};
#define SUBSCRIPTION_COLUMNS                                                             \
	(sizeof(subscription_columns) / sizeof(subscription_columns[0]))

static bool subscription_row(struct answer *a, const struct hub_followed *f)
{
	struct sub_options o;
	struct buf only = {0}, quiet = {0}, digest = {0}, kept = {0}, held = {0};
	char muted[COMMAND_TIME_SIZE];
	sub_options_read(&f->sub, &o);
	presence_text(&f->sub, &o, &kept);
	digests_text(&o, &digest);
	filter_text(&o, &only);
	quiet_hours_text(&o, &quiet);
	held_text(&f->sub, &held);
	command_time(o.muted_until_ms, muted);
	bool room = answer_row(a, (const char *[SUBSCRIPTION_COLUMNS]){
					  f->feed, sub_format_text(f->sub.format),
					  only.data, muted, o.paused ? "paused" : "",
					  quiet.data, digest.data, kept.data, held.data});
	buf_free(&only);
	buf_free(&kept);
	buf_free(&quiet);
	buf_free(&digest);
	buf_free(&held);
	return room;
}

static void on_subscriptions(void *arg, enum belfry_err err,
			     const struct hub_followed *list, size_t count, bool more)
{
	struct request *r = arg;
	if (err != BELFRY_OK || !request_live(r)) {
		command_error(r, err);
		return;
	}
	if (count == 0) {
		command_say(r, r->call->args.feed[0] == '\0'
				       ? command_follows_none
				       : "You follow no feed behind that name.");
		return;
	}
	struct answer a = {.r = r,
			   .columns = subscription_columns,
			   .column_count = SUBSCRIPTION_COLUMNS};
	size_t n = 0;
	buf_adds(&a.text, "You follow:");
	while (n < count && subscription_row(&a, &list[n]))
		n++;
	if (more || n < count)
		answer_more(&a, list[n - 1].feed);
	answer_end(&a, r);
}

void run_subscriptions(struct request *r)
{
	const struct xmpp_hub *hub = r->session->hub;
	if (command_may_ask(r, COST_OWN))
		hub->ops->following(hub->hub, r->from, r->call->args.feed, LIST_PAGE,
				    on_subscriptions, r);
}

/* ---- What is known of somebody
 * --------------------------------------------------------- */

static const char known_text[] = "This is what I know of you:";

static void on_followed(void *arg, enum belfry_err err, const struct hub_followed *list,
			size_t count, bool more)
{
	struct request *r = arg;
	(void)list;
	if ((err != BELFRY_OK && err != BELFRY_EFULL) || !request_live(r)) {
		command_error(r, err);
		return;
	}
	struct answer a = {.r = r};
	char text[48];
	snprintf(text, sizeof(text), "%zu%s", count,
		 more || err == BELFRY_EFULL ? " or more" : "");
	buf_adds(&a.text, known_text);
	answer_field(&a, "jid", "Address", r->bare);
	answer_field(&a, "follows", "Feeds that you follow", text);
	answer_end(&a, r);
}

static void subscription_fields(struct answer *a, const struct sub *sub)
{
	struct sub_options o;
	struct buf only = {0}, quiet = {0}, digest = {0}, kept = {0}, held = {0};
	char muted[COMMAND_TIME_SIZE], since[POS_TEXT_SIZE];
	sub_options_read(sub, &o);
	filter_text(&o, &only);
	quiet_hours_text(&o, &quiet);
	presence_text(sub, &o, &kept);
	digests_text(&o, &digest);
	held_text(sub, &held);
	command_time(o.muted_until_ms, muted);
	pos_format(sub->since, since);
	answer_field(a, "format", "Its events come as", sub_format_text(sub->format));
	answer_field(a, "since", "Since position", since);
	answer_field(a, "only", "You get only", only.data);
	answer_field(a, "muted", "Muted until", muted);
	answer_field(a, "paused", "Paused", o.paused ? "yes" : NULL);
	answer_field(a, "quiet", "Quiet hours", quiet.data);
	answer_field(a, "kept", "It is kept", kept.data);
	answer_field(a, "digest", "Events come together", digest.data);
	answer_field(a, "held", "Held", held.data);
	answer_field(a, "contact", "It is in your contact list",
		     o.contact ? "yes" : "no");
	buf_free(&only);
	buf_free(&kept);
	buf_free(&quiet);
	buf_free(&digest);
	buf_free(&held);
}

static void on_subscription(void *arg, enum belfry_err err, const struct sub *sub,
			    bool created)
{
	struct request *r = arg;
	(void)created;
	bool asks = err == BELFRY_EPENDING;
	if ((err != BELFRY_OK && err != BELFRY_ENOENT && !asks) || !request_live(r)) {
		command_error(r, err);
		return;
	}
	struct answer a = {.r = r};
	buf_adds(&a.text, known_text);
	answer_field(&a, "jid", "Address", r->bare);
	answer_field(&a, "follows", "You follow this feed",
		     asks		? "not yet: your request waits"
		     : err == BELFRY_OK ? "yes"
					: "no");
	if (err == BELFRY_OK)
		subscription_fields(&a, sub);
	answer_end(&a, r);
}

void run_whoami(struct request *r)
{
	const struct xmpp_hub *hub = r->session->hub;
	if (r->place == PLACE_FEED)
		hub->ops->subscription(hub->hub, r->feed, r->bare, on_subscription, r);
	else if (command_may_ask(r, COST_OWN))
		hub->ops->following(hub->hub, r->from, "", HUB_FOLLOWED_MAX, on_followed,
				    r);
}
