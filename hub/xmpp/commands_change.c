#include "commands_int.h"

#include <belfry/base/clock.h>
#include <belfry/base/mem.h>

#include <stdio.h>
#include <string.h>

const char command_follows_none[] =
	"You do not follow any feed. 'list' shows the feeds there are; write 'subscribe "
	"FEED' to follow one.";

void command_time(uint64_t ms, char out[COMMAND_TIME_SIZE])
{
	char text[CLOCK_TEXT_SIZE];
	out[0] = '\0';
	if (ms <= clock_wall_ms())
		return;
	clock_format(ms, text);
	snprintf(out, COMMAND_TIME_SIZE, "%.10s %.5s UTC", text, text + 11);
}

void command_changed(const struct request *r, const char *one, const char *many,
		     struct buf *out)
{
	size_t changed = r->call->changed;
	if (r->feed[0] != '\0')
		buf_printf(out, "%s%s", r->feed, one);
	else
		buf_printf(out, "%zu %s%s", changed, changed == 1 ? "feed" : "feeds",
			   changed == 1 ? one : many);
}

/* ---- One ------------------------------------------------------------------------- */

static void on_changed(void *arg, enum belfry_err err, const struct sub *sub,
		       bool created)
{
	struct request *r = arg;
	(void)created;
	if (command_asked_again(r, err))
		return;
	if ((err != BELFRY_OK && err != BELFRY_ENOENT) || !request_live(r)) {
		command_error(r, err);
		return;
	}
	struct answer a = {.r = r, .failed = err != BELFRY_OK};
	if (err == BELFRY_OK) {
		r->call->unseen = command_unseen(sub) != NULL;
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

static void set_change(struct request *r, const struct sub_change *c, command_said said)
{
	r->call->change = *c;
	r->call->change.only_existing = true;
	r->call->said = said;
}

void command_change(struct request *r, const struct sub_change *c, command_said said)
{
	set_change(r, c, said);
	r->call->ask = ask_change;
	ask_change(r);
}

/* ---- All that are followed ------------------------------------------------------- */

static void said_all(struct request *r)
{
	struct answer a = {.r = r};
	r->call->said(r, &a.text);
	if (r->call->more)
		buf_adds(&a.text, " There are more than I look through: name those.");
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
	(void)created;
	r->call->changed += err == BELFRY_OK;
	r->call->unseen |= err == BELFRY_OK && command_unseen(sub) != NULL;
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
		command_fail(r, command_follows_none);
		return;
	}
	call->feeds = xcalloc(count, sizeof(*call->feeds));
	for (size_t i = 0; i < count; i++)
		call->feeds[i] = xstrdup(list[i].feed);
	call->feed_count = count;
	call->more = more;
	change_next(r);
}

void command_change_any(struct request *r, const struct sub_change *c, command_said said)
{
	const struct xmpp_hub *hub = r->session->hub;
	if (r->feed[0] != '\0') {
		command_change(r, c, said);
		return;
	}
	set_change(r, c, said);
	if (command_may_ask(r, COST_OWN))
		hub->ops->following(hub->hub, r->from, "", HUB_FOLLOWED_MAX, on_all_found,
				    r);
}
