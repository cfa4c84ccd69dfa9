#include "commands_int.h"
#include "reply.h"

#include <belfry/base/text.h>
#include <belfry/core/render.h>

#include <string.h>

#define LIST_PAGE 50
/* Stands where a delivery has the row's hash: its bounce is nobody's delivery. */
#define REPLAY_HASH "replayed"

bool command_asked_again(struct request *r, enum belfry_err err)
{
	size_t len = strlen(r->feed), name = len;
	while (name > 0 && r->feed[name - 1] == '.')
		name--;
	if (err != BELFRY_ENOFEED || r->place == PLACE_FEED || !request_live(r) ||
	    r->call->session != NULL || name == len || name == 0)
		return false;
	r->feed[name] = '\0';
	r->call->ask(r);
	return true;
}

static void ask(struct request *r, void (*how)(struct request *r))
{
	r->call->ask = how;
	how(r);
}

bool command_may_ask(struct request *r, enum cost cost)
{
	enum crowd crowd = session_crowd(r->session, cost, r->bare);
	if (crowd != CROWD_NONE) {
		command_fail(r, reply_crowd_text(crowd));
		return false;
	}
	r->cost = cost;
	return true;
}

/* ---- Help ------------------------------------------------------------------------ */

static const struct answer_column help_columns[] = {
	{"command", "What you can write", ""},
	{"what", "What it does", ""},
};

static void say_help(struct request *r)
{
	bool to_feed = r->place == PLACE_FEED;
	struct answer a = {.r = r, .columns = help_columns, .column_count = 2};
	if (to_feed)
		buf_printf(&a.text, "I am the feed %s. ", r->feed);
	else
		buf_adds(&a.text, "I am Belfry. ");
	buf_adds(&a.text, "I tell you what is new, as soon as it is known. "
			  "You can write:");
	for (size_t i = 0; i < command_count; i++) {
		const struct command_usage *u = command_usages(&commands[i], to_feed);
		for (; u->params != NULL; u++) {
			struct buf form = {0};
			buf_printf(&form, "%s%s%s", commands[i].name,
				   u->params[0] != '\0' ? " " : "", u->params);
			if (u->what != NULL)
				answer_row(&a, (const char *[]){form.data, u->what});
			buf_free(&form);
		}
	}
	if (to_feed)
		buf_printf(&a.end, "Of other feeds write to hub@%s.", r->session->domain);
	answer_end(&a, r);
}

static void on_feed_there(void *arg, enum belfry_err err, const struct hub_feed *feed)
{
	struct request *r = arg;
	(void)feed;
	if (err != BELFRY_OK || !request_live(r))
		command_error(r, err);
	else
		say_help(r);
}

void run_help(struct request *r)
{
	const struct xmpp_hub *hub = r->session->hub;
	if (r->place == PLACE_FEED)
		hub->ops->feed(hub->hub, r->from, r->feed, on_feed_there, r);
	else
		say_help(r);
}

/* ---- Lists ----------------------------------------------------------------------- */

static const struct answer_column list_columns[] = {
	{"feed", "Feed", ""},
	{"title", "Title", ""},
};

static void on_list(void *arg, enum belfry_err err, const struct hub_feed *feeds,
		    size_t count, bool more)
{
	struct request *r = arg;
	if (err == BELFRY_EFULL) {
		command_fail(r, "There are too many feeds here to look through. If you "
				"know its name, write 'subscribe FEED'; 'list FEED' goes "
				"on behind that name.");
		return;
	}
	if (err != BELFRY_OK || !request_live(r)) {
		command_error(r, err);
		return;
	}
	if (count == 0) {
		command_say(r, "There are no feeds here that you can follow.");
		return;
	}
	struct answer a = {.r = r, .columns = list_columns, .column_count = 2};
	size_t n = 0;
	buf_adds(&a.text, "Feeds:");
	while (n < count &&
	       answer_row(&a, (const char *[]){feeds[n].name, feeds[n].title}))
		n++;
	if (more || n < count)
		answer_more(&a, feeds[n - 1].name);
	else if (r->place == PLACE_FEED)
		buf_printf(&a.end, "Write 'subscribe FEED' to hub@%s to follow one.",
			   r->session->domain);
	else
		buf_adds(&a.end, "Write 'subscribe FEED' to follow one.");
	answer_end(&a, r);
}

void run_list(struct request *r)
{
	const struct xmpp_hub *hub = r->session->hub;
	if (command_may_ask(r, COST_FEEDS))
		hub->ops->feeds(hub->hub, r->from, r->call->args.feed, LIST_PAGE, on_list,
				r);
}

/* ---- Following ------------------------------------------------------------------- */

static void on_subscribed(void *arg, enum belfry_err err, const struct sub *sub,
			  bool created)
{
	struct request *r = arg;
	(void)sub;
	(void)created;
	if (command_asked_again(r, err))
		return;
	bool asks = err == BELFRY_EPENDING || err == BELFRY_EUNOWNED;
	if ((err != BELFRY_OK && !asks) || !request_live(r)) {
		command_error(r, err);
		return;
	}
	struct answer a = {.r = r};
	if (asks) {
		if (err == BELFRY_EPENDING)
			buf_printf(&a.text, REPLY_PENDING_TEXT " Write ", r->feed);
		else
			buf_printf(&a.text, REPLY_UNOWNED_TEXT " Write ", r->feed);
		command_quote(r, "unsubscribe", "", &a.text);
		buf_adds(&a.text, " to ask no more.");
		answer_end(&a, r);
		return;
	}
	buf_printf(&a.text, REPLY_FOLLOWS_TEXT, r->feed);
	command_quote(r, "unsubscribe", "", &a.text);
	buf_adds(&a.text, " to stop.");
	answer_end(&a, r);
}

static void ask_subscribe(struct request *r)
{
	const struct xmpp_hub *hub = r->session->hub;
	hub->ops->subscribe(hub->hub, r->from, r->feed, r->bare, SUB_FOLLOW(FORMAT_CHAT),
			    on_subscribed, r);
}

void run_subscribe(struct request *r)
{
	ask(r, ask_subscribe);
}

static void on_unsubscribed(void *arg, enum belfry_err err, const struct sub *sub,
			    bool created)
{
	struct request *r = arg;
	struct buf text = {0};
	(void)created;
	if (command_asked_again(r, err))
		return;
	if (err == BELFRY_OK) {
		presence_left(r, r->bare, sub);
		buf_printf(&text, "You no longer follow %s.", r->feed);
		command_say(r, text.data);
	} else if (err == BELFRY_EPENDING) {
		buf_printf(&text, "You no longer ask to follow %s.", r->feed);
		command_say(r, text.data);
	} else if (err == BELFRY_ENOENT) {
		buf_printf(&text, "You do not follow %s, so there is nothing to stop.",
			   r->feed);
		command_fail(r, text.data);
	} else {
		command_error(r, err);
	}
	buf_free(&text);
}

static void ask_unsubscribe(struct request *r)
{
	const struct xmpp_hub *hub = r->session->hub;
	hub->ops->unsubscribe(hub->hub, r->feed, r->bare, on_unsubscribed, r);
}

void run_unsubscribe(struct request *r)
{
	ask(r, ask_unsubscribe);
}

/* ---- What has been posted -------------------------------------------------------- */

static void replay(struct request *r, const struct hub_item *it)
{
	struct rendered stanza = {0};
	struct buf out = {0};
	render(&stanza,
	       &(struct render_event){.feed = it->feed,
				      .id = it->id,
				      .item = it->item,
				      .pos = it->pos,
				      .at_ms = it->at_ms,
				      .event = it->event},
	       FORMAT_CHAT, r->session->domain, true);
	const char *mid = stanza.bytes.data + stanza.head_len;
	const char *tail = mid + stanza.mid_len;
	buf_add(&out, stanza.bytes.data, stanza.head_len);
	buf_adds(&out, REPLAY_HASH);
	buf_add(&out, mid, stanza.mid_len);
	xml_escape(&out, r->from, strlen(r->from));
	buf_add(&out, tail, stanza.bytes.len - stanza.head_len - stanza.mid_len);
	session_send(r->session, &out);
	r->session->counters.chats_answered++;
	buf_free(&out);
	rendered_free(&stanza);
}

/* In chat the events are the answer. */
static void replay_all(struct request *r, const struct hub_item *items, size_t count)
{
	if (!session_room(r->session, SIZE_MAX)) {
		command_fail(r, REPLY_BUSY_TEXT);
		return;
	}
	for (size_t i = 0; i < count; i++)
		replay(r, &items[i]);
	if (r->call->session == NULL) {
		request_free(r);
		return;
	}
	struct answer a = {.r = r};
	buf_printf(&a.text, "%zu %s sent to you as %s.", count,
		   count == 1 ? "event was" : "events were",
		   count == 1 ? "a message" : "messages");
	answer_end(&a, r);
}

static void on_last(void *arg, enum belfry_err err, const struct hub_item *items,
		    size_t count)
{
	struct request *r = arg;
	if (command_asked_again(r, err))
		return;
	if (err == BELFRY_ENOENT || (err == BELFRY_OK && count == 0))
		command_say(r, "Nothing has been posted there yet.");
	else if (err != BELFRY_OK || !request_live(r))
		command_error(r, err);
	else
		replay_all(r, items, count);
}

static void on_recent(void *arg, enum belfry_err err, const struct hub_item *items,
		      size_t count)
{
	struct request *r = arg;
	if (err == BELFRY_ENOENT)
		command_say(r, "You do not follow any feed. 'list' shows the feeds there "
			       "are; write 'subscribe FEED' to follow one.");
	else if (err == BELFRY_EFULL)
		command_fail(r, "There are too many feeds here to look through. Write "
				"'last FEED N'.");
	else
		on_last(r, err, items, count);
}

static void ask_last(struct request *r)
{
	const struct xmpp_hub *hub = r->session->hub;
	hub->ops->items(hub->hub, r->from, r->feed, NULL, 0, (size_t)r->call->args.count,
			on_last, r);
}

/* An event may be called 'last': a robot that says back what it is told asks for it by
 * that, and there has to be an end. False: R has been answered. */
static bool last_in_bounds(struct request *r)
{
	if (r->call->session != NULL || session_hint_due(r->session, HINT_LAST, r->bare))
		return true;
	if (session_hint_due(r->session, HINT_LAST_ENDS, r->bare))
		command_fail(r, "That was too often for now. Please try again in a "
				"minute.");
	else
		request_free(r);
	return false;
}

void run_last(struct request *r)
{
	const struct xmpp_hub *hub = r->session->hub;
	bool all = r->feed[0] == '\0';
	if (!last_in_bounds(r))
		return;
	if (!session_room(r->session, SIZE_MAX))
		command_fail(r, REPLY_BUSY_TEXT);
	else if (!command_may_ask(r, all ? COST_OWN : COST_ITEMS))
		;
	else if (!all)
		ask(r, ask_last);
	else
		hub->ops->recent(hub->hub, r->from, (size_t)r->call->args.count,
				 on_recent, r);
}
