#include "commands_int.h"
#include "notice_int.h"
#include "reply.h"

#include <belfry/base/clock.h>

#include <stdio.h>
#include <string.h>

#define REQUESTS_PAGE 50

/* ---- Invitations ----------------------------------------------------------------- */

/* Robots say yes and no, too, and there has to be an end. */
static void not_invited(struct request *r)
{
	struct buf text = {0};
	buf_printf(&text,
		   "I know of no invitation of yours to %s that waits for an answer.",
		   r->feed);
	if (r->call->session != NULL ||
	    session_hint_due(r->session, HINT_ANSWERED, r->bare))
		command_fail(r, text.data);
	else
		request_free(r);
	buf_free(&text);
}

static void say_joined(struct request *r, struct buf *out)
{
	buf_printf(out, REPLY_FOLLOWS_TEXT, r->feed);
	command_quote(r, "unsubscribe", "", out);
	buf_adds(out, " to stop.");
}

static void say_declined(struct request *r, struct buf *out)
{
	buf_printf(out,
		   "You do not follow %s, and are not invited to it again. Should you "
		   "change your mind, write ",
		   r->feed);
	command_quote(r, "subscribe", "", out);
	buf_addc(out, '.');
}

static void answered(struct request *r, enum belfry_err err,
		     void (*say)(struct request *r, struct buf *out))
{
	if (command_asked_again(r, err))
		return;
	if ((err != BELFRY_OK && err != BELFRY_ENOENT) || !request_live(r)) {
		command_error(r, err);
		return;
	}
	if (err == BELFRY_ENOENT) {
		not_invited(r);
		return;
	}
	presence_withdraw(r->session, r->feed, r->bare);
	struct answer a = {.r = r};
	say(r, &a.text);
	answer_end(&a, r);
}

static void on_yes(void *arg, enum belfry_err err, const struct sub *sub, bool created)
{
	(void)sub;
	(void)created;
	answered(arg, err, say_joined);
}

static void on_no(void *arg, enum belfry_err err, const struct sub *sub, bool created)
{
	(void)sub;
	(void)created;
	answered(arg, err, say_declined);
}

static void answer(struct request *r, bool yes)
{
	const struct xmpp_hub *hub = r->session->hub;
	hub->ops->answer(hub->hub, r->feed, r->bare, yes, yes ? on_yes : on_no, r);
}

static void ask_yes(struct request *r)
{
	answer(r, true);
}

void run_yes(struct request *r)
{
	r->call->ask = ask_yes;
	ask_yes(r);
}

static void ask_no(struct request *r)
{
	answer(r, false);
}

void run_no(struct request *r)
{
	r->call->ask = ask_no;
	ask_no(r);
}

/* ---- For owners ------------------------------------------------------------------ */

/* True: R has been told so. */
static bool no_owner(struct request *r, enum belfry_err err)
{
	struct buf text = {0};
	if (err != BELFRY_EDENIED)
		return false;
	authorize_say(&text, err, false, r->feed, "");
	command_fail(r, text.data);
	buf_free(&text);
	return true;
}

static const struct answer_column request_columns[] = {
	{"jid", "Who asks", ""},
	{"since", "Since", "since "},
};

static bool request_row(struct answer *a, const struct hub_request *q)
{
	char text[CLOCK_TEXT_SIZE], since[CLOCK_TEXT_SIZE];
	clock_format(q->at_ms, text);
	snprintf(since, sizeof(since), "%.10s %.5s UTC", text, text + 11);
	return answer_row(a, (const char *[]){q->jid, since});
}

static void on_requests(void *arg, enum belfry_err err, const struct hub_request *list,
			size_t count, bool more)
{
	struct request *r = arg;
	if (command_asked_again(r, err) || no_owner(r, err))
		return;
	if (err != BELFRY_OK || !request_live(r)) {
		command_error(r, err);
		return;
	}
	struct answer a = {.r = r};
	if (count == 0) {
		buf_printf(&a.text, "Nobody asks to follow %s.", r->feed);
		answer_end(&a, r);
		return;
	}
	size_t n = 0;
	a.columns = request_columns;
	a.column_count = 2;
	buf_printf(&a.text, "There is somebody who asks to follow %s:", r->feed);
	while (n < count && request_row(&a, &list[n]))
		n++;
	if (more || n < count)
		buf_adds(&a.end, "There are more, whom I show when these are answered. ");
	buf_adds(&a.end, "Write ");
	command_quote(r, "allow", " JID", &a.end);
	buf_adds(&a.end, " or ");
	command_quote(r, "deny", " JID", &a.end);
	buf_addc(&a.end, '.');
	answer_end(&a, r);
}

static void ask_requests(struct request *r)
{
	const struct xmpp_hub *hub = r->session->hub;
	hub->ops->requests(hub->hub, r->bare, r->feed, REQUESTS_PAGE, on_requests, r);
}

void run_requests(struct request *r)
{
	r->call->ask = ask_requests;
	ask_requests(r);
}

static void decided(struct request *r, enum belfry_err err, bool allow)
{
	struct buf text = {0};
	if (command_asked_again(r, err))
		return;
	bool said = authorize_say(&text, err, allow, r->feed, r->call->args.jid);
	if (!said)
		command_error(r, err);
	else if (err == BELFRY_OK)
		command_say(r, text.data);
	else
		command_fail(r, text.data);
	buf_free(&text);
}

static void on_allowed(void *arg, enum belfry_err err)
{
	decided(arg, err, true);
}

static void on_denied(void *arg, enum belfry_err err)
{
	decided(arg, err, false);
}

static void decide(struct request *r, bool allow)
{
	const struct xmpp_hub *hub = r->session->hub;
	hub->ops->decide(hub->hub, r->bare, r->feed, r->call->args.jid, allow,
			 allow ? on_allowed : on_denied, r);
}

static void ask_allow(struct request *r)
{
	decide(r, true);
}

void run_allow(struct request *r)
{
	r->call->ask = ask_allow;
	ask_allow(r);
}

static void ask_deny(struct request *r)
{
	decide(r, false);
}

void run_deny(struct request *r)
{
	r->call->ask = ask_deny;
	ask_deny(r);
}
