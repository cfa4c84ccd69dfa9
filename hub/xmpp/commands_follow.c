#include "commands_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>

#include <stdio.h>
#include <string.h>

#define LIST_PAGE 50

static const char follows_none[] =
	"You do not follow any feed. 'list' shows the feeds there are; write 'subscribe "
	"FEED' to follow one.";

/* ---- What a subscription is like, in words --------------------------------------------
 */

#define TIME_TEXT_SIZE CLOCK_TEXT_SIZE
/* "2026-11-22 19:00 UTC", or "" where it has passed. */
static void time_text(uint64_t ms, char out[TIME_TEXT_SIZE])
{
	char text[CLOCK_TEXT_SIZE];
	out[0] = '\0';
	if (ms <= clock_wall_ms())
		return;
	clock_format(ms, text);
	snprintf(out, TIME_TEXT_SIZE, "%.10s %.5s UTC", text, text + 11);
}

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

/* ---- Changing one that there is -------------------------------------------------------
 */

static void on_changed(void *arg, enum belfry_err err, const struct sub *sub,
		       bool created)
{
	struct request *r = arg;
	(void)sub;
	(void)created;
	if (command_asked_again(r, err))
		return;
	if ((err != BELFRY_OK && err != BELFRY_ENOENT) || !request_live(r)) {
		command_error(r, err);
		return;
	}
	struct answer a = {.r = r, .failed = err != BELFRY_OK};
	if (err == BELFRY_OK) {
		r->call->said(r, &a.text);
	} else {
		buf_printf(&a.text, "You do not follow %s. Write ", r->feed);
		command_quote(r, "subscribe", "", &a.text);
		buf_adds(&a.text, " to follow it.");
	}
	answer_end(&a, r);
}

static void ask_change(struct request *r)
{
	const struct xmpp_hub *hub = r->session->hub;
	hub->ops->subscribe(hub->hub, r->from, r->feed, r->bare, &r->call->change,
			    on_changed, r);
}

static void change(struct request *r, const struct sub_change *c,
		   void (*said)(const struct request *r, struct buf *text))
{
	r->call->change = *c;
	r->call->change.only_existing = true;
	r->call->said = said;
	r->call->ask = ask_change;
	ask_change(r);
}

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
	change(r,
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
	change(r,
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
	change(r,
	       &(struct sub_change){.set = SUB_SET_TAGS | SUB_SET_PRIORITY,
				    .format = FORMAT_CHAT},
	       said_everything);
}

/* ---- Muting: one, or all that are followed --------------------------------------------
 */

static void said_muted(const struct request *r, struct buf *text)
{
	char until[TIME_TEXT_SIZE];
	time_text(r->call->change.options.muted_until_ms, until);
	buf_printf(text, "%s is muted until %s. What comes meanwhile is skipped; ",
		   r->feed, until);
	command_quote(r, "last", " N", text);
	buf_adds(text, " shows it. Write ");
	command_quote(r, "unmute", "", text);
	buf_adds(text, " to hear it before.");
}

static void said_unmuted(const struct request *r, struct buf *text)
{
	buf_printf(text, "You hear %s again.", r->feed);
}

static void said_all(struct request *r)
{
	struct command_call *call = r->call;
	struct answer a = {.r = r};
	char until[TIME_TEXT_SIZE];
	time_text(call->change.options.muted_until_ms, until);
	buf_printf(&a.text, "%zu %s ", call->changed,
		   call->changed == 1 ? "feed is" : "feeds are");
	if (until[0] != '\0')
		buf_printf(&a.text,
			   "muted until %s. What comes meanwhile is skipped; 'last N' "
			   "shows it. Write 'unmute' to hear them before.",
			   until);
	else
		buf_adds(&a.text, "heard again.");
	if (call->more)
		buf_printf(&a.text, " There are more than I look through: name those.");
	answer_end(&a, r);
}

static void on_one_changed(void *arg, enum belfry_err err, const struct sub *sub,
			   bool created);

static void change_next(struct request *r)
{
	struct command_call *call = r->call;
	if (call->at == call->feed_count) {
		said_all(r);
		return;
	}
	const struct xmpp_hub *hub = r->session->hub;
	hub->ops->subscribe(hub->hub, r->from, call->feeds[call->at++], r->bare,
			    &call->change, on_one_changed, r);
}

/* One that was left or deleted meanwhile, or does not let in any more, is passed over. */
static void on_one_changed(void *arg, enum belfry_err err, const struct sub *sub,
			   bool created)
{
	struct request *r = arg;
	(void)sub;
	(void)created;
	r->call->changed += err == BELFRY_OK;
	if (err == BELFRY_ENOENT || err == BELFRY_ENOFEED || err == BELFRY_EDENIED ||
	    err == BELFRY_EPENDING)
		err = BELFRY_OK;
	if (err != BELFRY_OK || !request_live(r))
		command_error(r, err);
	else
		change_next(r);
}

static void on_all_found(void *arg, enum belfry_err err, const struct hub_followed *list,
			 size_t count, bool more)
{
	struct request *r = arg;
	struct command_call *call = r->call;
	if (err != BELFRY_OK || !request_live(r)) {
		command_error(r, err);
		return;
	}
	if (count == 0) {
		command_fail(r, follows_none);
		return;
	}
	call->feeds = xcalloc(count, sizeof(*call->feeds));
	for (size_t i = 0; i < count; i++)
		call->feeds[i] = xstrdup(list[i].feed);
	call->feed_count = count;
	call->more = more;
	change_next(r);
}

static void mute_until(struct request *r, uint64_t until_ms,
		       void (*said)(const struct request *r, struct buf *text))
{
	const struct xmpp_hub *hub = r->session->hub;
	struct sub_change c = {.set = SUB_SET_MUTED,
			       .format = FORMAT_CHAT,
			       .only_existing = true,
			       .options.muted_until_ms = until_ms};
	if (r->feed[0] != '\0') {
		change(r, &c, said);
		return;
	}
	r->call->change = c;
	if (command_may_ask(r, COST_OWN))
		hub->ops->following(hub->hub, r->from, "", HUB_FOLLOWED_MAX, on_all_found,
				    r);
}

void run_mute(struct request *r)
{
	mute_until(r, clock_wall_ms() + r->call->args.time_ms, said_muted);
}

void run_unmute(struct request *r)
{
	mute_until(r, 0, said_unmuted);
}

/* ---- What one follows
 * ------------------------------------------------------------------ */

static const struct answer_column subscription_columns[] = {
	{"feed", "Feed", ""},
	{"format", "Comes as", ""},
	{"only", "Only", "only "},
	{"muted", "Muted until", "muted until "},
};

static bool subscription_row(struct answer *a, const struct hub_followed *f)
{
	struct sub_options o;
	struct buf only = {0};
	char muted[TIME_TEXT_SIZE];
	sub_options_read(&f->sub, &o);
	filter_text(&o, &only);
	time_text(o.muted_until_ms, muted);
	bool room =
		answer_row(a, (const char *[]){f->feed, sub_format_text(f->sub.format),
					       only.data, muted});
	buf_free(&only);
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
				       ? follows_none
				       : "You follow no feed behind that name.");
		return;
	}
	struct answer a = {.r = r, .columns = subscription_columns, .column_count = 4};
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
	if (err == BELFRY_OK) {
		struct sub_options o;
		struct buf only = {0};
		char text[TIME_TEXT_SIZE], since[POS_TEXT_SIZE];
		sub_options_read(sub, &o);
		filter_text(&o, &only);
		time_text(o.muted_until_ms, text);
		pos_format(sub->since, since);
		answer_field(&a, "format", "Its events come as",
			     sub_format_text(sub->format));
		answer_field(&a, "since", "Since position", since);
		answer_field(&a, "only", "You get only", only.data);
		answer_field(&a, "muted", "Muted until", text);
		answer_field(&a, "contact", "It is in your contact list",
			     o.contact ? "yes" : "no");
		buf_free(&only);
	}
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
