#include "chat_int.h"
#include "reply.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>
#include <belfry/core/render.h>

#include <stdlib.h>
#include <string.h>

#define LIST_PAGE 50
#define LIST_BYTES_MAX RENDER_BODY_MAX
/* `last N` to the hub that may be open in all; of a JID: one. */
#define RECENT_MAX 8
/* Stands where a delivery has the row's hash: its bounce is nobody's delivery. */
#define REPLAY_HASH "replayed"

static const char crowded_text[] =
	"I am still looking for what was asked before. Please try again in a moment.";

/* ASK about the feed that is meant: the one written to, or the one named. */
static void ask_feed(struct session *s, const struct incoming *in,
		     const struct chat_command *c, void (*ask)(struct request *r))
{
	struct request *r =
		chat_request(s, in, in->place == PLACE_FEED ? in->feed : c->feed);
	if (r == NULL)
		return;
	r->ask = ask;
	r->count = (size_t)c->count;
	ask(r);
}

/* A full stop behind a feed's name may have been the sentence's. */
static bool asked_again(struct request *r, enum belfry_err err)
{
	size_t len = strlen(r->feed), name = len;
	while (name > 0 && r->feed[name - 1] == '.')
		name--;
	if (err != BELFRY_ENOFEED || r->place == PLACE_FEED || !request_live(r) ||
	    name == len || name == 0)
		return false;
	r->feed[name] = '\0';
	r->ask(r);
	return true;
}

static void say_list(const struct request *r, const struct hub_feed *feeds, size_t count,
		     bool more)
{
	struct buf text = {0};
	size_t n = 0;
	buf_adds(&text, "Feeds:");
	for (; n < count && text.len < LIST_BYTES_MAX; n++) {
		buf_printf(&text, "\n%s", feeds[n].name);
		if (feeds[n].title != NULL)
			buf_printf(&text, " - %s", feeds[n].title);
	}
	if (more || n < count)
		buf_printf(&text, "\nThere are more: write 'list %s'.",
			   feeds[n - 1].name);
	else if (r->place == PLACE_FEED)
		buf_printf(&text, "\nWrite 'subscribe FEED' to hub@%s to follow one.",
			   r->session->domain);
	else
		buf_adds(&text, "\nWrite 'subscribe FEED' to follow one.");
	chat_say(r, text.data);
	buf_free(&text);
}

static const char too_many_text[] =
	"There are too many feeds here to look through. If you know its name, write "
	"'subscribe FEED'; 'list FEED' goes on behind that name.";

static void on_list(void *arg, enum belfry_err err, const struct hub_feed *feeds,
		    size_t count, bool more)
{
	struct request *r = arg;
	if (request_live(r)) {
		if (err == BELFRY_EFULL)
			chat_say(r, too_many_text);
		else if (err != BELFRY_OK)
			chat_say_failure(r, err);
		else if (count == 0)
			chat_say(r, "There are no feeds here that you can follow.");
		else
			say_list(r, feeds, count, more);
	}
	request_free(r);
}

void chat_list(struct session *s, const struct incoming *in, const struct chat_command *c)
{
	struct request *r = chat_request(s, in, "");
	if (r != NULL)
		s->hub->ops->feeds(s->hub->hub, in->from, c->feed, LIST_PAGE, on_list, r);
}

static void on_subscribed(void *arg, enum belfry_err err, const struct sub *sub,
			  bool created)
{
	struct request *r = arg;
	struct buf text = {0};
	(void)sub;
	(void)created;
	if (asked_again(r, err))
		return;
	buf_printf(&text, "You now follow %s. Write 'unsubscribe%s%s' to stop.", r->feed,
		   r->place == PLACE_FEED ? "" : " ",
		   r->place == PLACE_FEED ? "" : r->feed);
	chat_end(r, err, text.data);
	buf_free(&text);
}

static void ask_subscribe(struct request *r)
{
	const struct xmpp_hub *hub = r->session->hub;
	hub->ops->subscribe(hub->hub, r->from, r->feed, r->bare, SUB_FOLLOW(FORMAT_CHAT),
			    on_subscribed, r);
}

void chat_subscribe(struct session *s, const struct incoming *in,
		    const struct chat_command *c)
{
	ask_feed(s, in, c, ask_subscribe);
}

static void on_unsubscribed(void *arg, enum belfry_err err, const struct sub *sub,
			    bool created)
{
	struct request *r = arg;
	struct buf text = {0};
	(void)sub;
	(void)created;
	if (asked_again(r, err))
		return;
	buf_printf(&text, "You no longer follow %s.", r->feed);
	chat_end(r, err, text.data);
	buf_free(&text);
}

static void ask_unsubscribe(struct request *r)
{
	const struct xmpp_hub *hub = r->session->hub;
	hub->ops->unsubscribe(hub->hub, r->feed, r->bare, on_unsubscribed, r);
}

void chat_unsubscribe(struct session *s, const struct incoming *in,
		      const struct chat_command *c)
{
	ask_feed(s, in, c, ask_unsubscribe);
}

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

static void on_last(void *arg, enum belfry_err err, const struct hub_item *items,
		    size_t count)
{
	struct request *r = arg;
	if (asked_again(r, err))
		return;
	if (request_live(r)) {
		if (err != BELFRY_OK && err != BELFRY_ENOENT)
			chat_say_failure(r, err);
		else if (err == BELFRY_ENOENT || count == 0)
			chat_say(r, "Nothing has been posted there yet.");
		for (size_t i = 0; err == BELFRY_OK && i < count; i++)
			replay(r, &items[i]);
	}
	request_free(r);
}

/* What `last N` to the hub gets, where there is nothing to show. */
static const char *why_nothing(enum belfry_err err)
{
	if (err == BELFRY_ENOENT)
		return "You do not follow any feed. 'list' shows the feeds there are; "
		       "write 'subscribe FEED' to follow one.";
	if (err == BELFRY_EFULL)
		return "There are too many feeds here to look through. Write 'last FEED "
		       "N'.";
	return NULL;
}

static void on_recent(void *arg, enum belfry_err err, const struct hub_item *items,
		      size_t count)
{
	struct request *r = arg;
	const char *text = why_nothing(err);
	if (text == NULL) {
		on_last(arg, err, items, count);
		return;
	}
	if (request_live(r))
		chat_say(r, text);
	request_free(r);
}

static bool recent_crowded(const struct session *s, const char *bare)
{
	size_t open = 0;
	for (const struct request *r = s->requests; r != NULL; r = r->next) {
		if (r->recent && strcmp(r->bare, bare) == 0)
			return true;
		open += r->recent;
	}
	return open >= RECENT_MAX;
}

/* All the feeds that somebody follows: this costs far more than any other question. */
static void chat_recent(struct session *s, const struct incoming *in,
			const struct chat_command *c)
{
	if (recent_crowded(s, in->bare)) {
		chat_say_now(s, in, crowded_text);
		return;
	}
	struct request *r = chat_request(s, in, "");
	if (r == NULL)
		return;
	r->recent = true;
	s->hub->ops->recent(s->hub->hub, in->from, (size_t)c->count, on_recent, r);
}

static void ask_last(struct request *r)
{
	const struct xmpp_hub *hub = r->session->hub;
	hub->ops->items(hub->hub, r->from, r->feed, NULL, 0, r->count, on_last, r);
}

void chat_last(struct session *s, const struct incoming *in, const struct chat_command *c)
{
	if (in->place != PLACE_FEED && c->feed[0] == '\0') {
		chat_recent(s, in, c);
		return;
	}
	ask_feed(s, in, c, ask_last);
}
