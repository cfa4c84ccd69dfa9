#include "commands_int.h"
#include "forms.h"
#include "reply.h"

#include <belfry/base/text.h>

#include <stdlib.h>
#include <string.h>

#define CHOICES_MAX 200 /* where there are more, a name is asked for */

/* ---- Which parameters a command has
 * ---------------------------------------------------- */

struct wanted {
	enum param_kind kind;
	bool required; /* in all its usages */
};

static bool has_kind(const enum param_kind *kinds, size_t n, enum param_kind kind)
{
	for (size_t i = 0; i < n; i++)
		if (kinds[i] == kind)
			return true;
	return false;
}

/* In the order of the usages; the number of OUT. */
static size_t wanted_of(const struct command *c, bool to_feed,
			struct wanted out[PARAM_KINDS])
{
	enum param_kind known[PARAM_KINDS], kinds[USAGE_PARAMS_MAX];
	size_t count = 0;
	const struct command_usage *usages = command_usages(c, to_feed);
	for (const struct command_usage *u = usages; u->params != NULL; u++) {
		size_t n = usage_params(u, kinds);
		for (size_t i = 0; i < n; i++) {
			if (kinds[i] == PARAM_ANY || kinds[i] == PARAM_OFF ||
			    has_kind(known, count, kinds[i]))
				continue;
			out[count].required = u == usages;
			out[count].kind = known[count] = kinds[i];
			count++;
		}
		for (size_t i = 0; i < count; i++)
			if (!has_kind(kinds, n, known[i]))
				out[i].required = false;
	}
	return count;
}

bool command_has_form(const struct command *c, bool to_feed)
{
	struct wanted wanted[PARAM_KINDS];
	size_t count = wanted_of(c, to_feed, wanted), i = 0;
	while (i < count && wanted[i].kind == PARAM_NAME)
		i++;
	return i < count;
}

/* ---- The form
 * -------------------------------------------------------------------------- */

/* Stands for none, which an empty value does as well: profanity 0.13 dies of an option
 * whose value is empty. */
#define ALL "*"

/* What can be chosen: <option/>s; NULL data: too much, or not known. */
static void feed_field(struct buf *out, bool required, const struct buf *options)
{
	bool list = options->data != NULL;
	form_field(out, "feed", list ? "list-single" : "text-single", "Feed", required);
	if (list && !required) {
		form_field_value(out, ALL);
		form_option(out, "All that I follow", ALL);
	}
	if (list)
		buf_add(out, options->data, options->len);
	form_field_end(out);
}

static void text_field(struct buf *out, const char *var, const char *label,
		       const char *value)
{
	form_field(out, var, "text-single", label, false);
	if (value != NULL)
		form_field_value(out, value);
	form_field_end(out);
}

static void format_field(struct buf *out, bool required)
{
	form_field(out, "format", "list-single", "How events come", required);
	form_field_value(out, "chat");
	form_option(out, "Chat messages", "chat");
	form_option(out, "Normal messages, with a subject", "normal");
	form_option(out, "Headlines (lost while you are offline)", "headline");
	form_option(out, "Events for programs (XEP-0060)", "event");
	form_field_end(out);
}

static void switch_field(struct buf *out, const struct command *c, bool required)
{
	form_field(out, c->name, "boolean", c->title, required);
	form_field_value(out, "1");
	form_field_end(out);
}

static void shows_field(struct buf *out)
{
	unsigned all = SHOWS_ALL;
	form_field(out, "shows", "list-multi",
		   "Only while you are shown as one of these; none: always", false);
	for (const char *show; (show = shows_next(&all)) != NULL;)
		form_option(out, show, show);
	form_field_end(out);
}

static void what_fields(struct buf *out)
{
	form_field(out, "tags", "text-multi", "Only what bears one of these tags", false);
	form_field_end(out);
	form_field(out, "priority", "list-single", "Only what is at least", false);
	form_field_value(out, "low");
	form_option(out, "low (everything)", "low");
	form_option(out, "normal", "normal");
	form_option(out, "high", "high");
	form_option(out, "urgent", "urgent");
	form_field_end(out);
}

/* Who waits can be chosen where that is known: of a feed that was asked. */
static void jid_field(struct buf *out, bool required, const struct buf *options)
{
	form_field(out, "jid", options->data != NULL ? "list-single" : "jid-single",
		   "Address", required);
	if (options->data != NULL)
		buf_add(out, options->data, options->len);
	form_field_end(out);
}

static void param_field(struct buf *out, const struct command *c, const struct wanted *w,
			bool to_feed, const struct buf *options)
{
	static const struct buf none;

	switch (w->kind) {
	case PARAM_FEED:
		feed_field(out, w->required, options);
		break;
	case PARAM_COUNT:
		text_field(out, "count", "How many (1 to " COMMAND_LAST_MAX_TEXT ")",
			   "1");
		break;
	case PARAM_TIME:
		text_field(out, "time",
			   "For how long: minutes, hours or days (30m, 2h, 3d)",
			   COMMAND_MUTE_TEXT);
		break;
	case PARAM_FORMAT:
		format_field(out, w->required);
		break;
	case PARAM_WHAT:
		what_fields(out);
		break;
	case PARAM_JID:
		jid_field(out, w->required, to_feed ? options : &none);
		break;
	case PARAM_HOURS:
		text_field(out, "hours",
			   "Quiet hours (22:00-07:00); none: leave it empty", NULL);
		break;
	case PARAM_ZONE:
		text_field(out, "zone", "Time zone (Europe/Berlin)", NULL);
		break;
	case PARAM_WHEN:
		text_field(out, "when",
			   "How often: 5m, 1h, 2d or daily@08:00; one by one: leave it "
			   "empty",
			   NULL);
		break;
	case PARAM_SWITCH:
		switch_field(out, c, w->required);
		break;
	case PARAM_SHOWS:
		shows_field(out);
		break;
	case PARAM_OFF:
	case PARAM_NAME: /* nobody is asked where a list begins */
	case PARAM_ANY:
	case PARAM_KINDS:
		break;
	}
}

/* Sends the form, and frees OPTIONS and R. */
static void send_form(struct request *r, struct buf *options)
{
	struct wanted wanted[PARAM_KINDS];
	struct buf out = {0};
	const struct command *c = r->call->command;
	size_t count = wanted_of(c, r->place == PLACE_FEED, wanted);
	command_begin(&out, r, "executing");
	buf_adds(&out, "<actions execute='complete'><complete/></actions>");
	form_begin(&out, "form");
	reply_text(&out, "title", c->title);
	for (size_t i = 0; i < count; i++)
		param_field(&out, c, &wanted[i], r->place == PLACE_FEED, options);
	form_end(&out);
	command_end(r->session, &out);
	buf_free(options);
	request_free(r);
}

/* False: there is no more room; then a name is asked for. */
static bool add_option(const struct request *r, struct buf *options, const char *name,
		       const char *title)
{
	struct buf label = {0};
	buf_printf(&label, "%s%s%s", name, title != NULL ? " - " : "",
		   title != NULL ? title : "");
	form_option(options, label.data, name);
	buf_free(&label);
	if (options->len < session_list_bytes(r->session) / 2)
		return true;
	buf_free(options);
	return false;
}

static void on_feeds(void *arg, enum belfry_err err, const struct hub_feed *feeds,
		     size_t count, bool more)
{
	struct request *r = arg;
	struct buf options = {0};
	if (!request_live(r)) {
		request_free(r);
		return;
	}
	for (size_t i = 0; err == BELFRY_OK && !more && i < count; i++)
		if (!add_option(r, &options, feeds[i].name, feeds[i].title))
			break;
	send_form(r, &options);
}

static void on_following(void *arg, enum belfry_err err, const struct hub_followed *list,
			 size_t count, bool more)
{
	struct request *r = arg;
	struct buf options = {0};
	if (!request_live(r)) {
		request_free(r);
		return;
	}
	if (err == BELFRY_OK && count == 0) {
		command_fail(r, "You do not follow any feed.");
		return;
	}
	for (size_t i = 0; err == BELFRY_OK && !more && i < count; i++)
		if (!add_option(r, &options, list[i].feed, NULL))
			break;
	send_form(r, &options);
}

/* The form of a feed that is not there would be of no use; nor one to do what is the
 * owners'. False: R has been answered. */
static bool form_possible(struct request *r, enum belfry_err err)
{
	static const struct reply_error forbidden = {"cancel", "forbidden", NULL, NULL};
	if (request_live(r) && err == BELFRY_EDENIED)
		reply_request_error(r, &forbidden);
	else if (reply_request_ok(r, err))
		return true;
	request_free(r);
	return false;
}

static void on_requests(void *arg, enum belfry_err err, const struct hub_request *list,
			size_t count, bool more)
{
	struct request *r = arg;
	struct buf options = {0};
	if (!form_possible(r, err))
		return;
	if (count == 0) {
		command_fail(r, "Nobody asks to follow this feed.");
		return;
	}
	for (size_t i = 0; !more && i < count; i++)
		if (!add_option(r, &options, list[i].jid, NULL))
			break;
	send_form(r, &options);
}

static void on_feed_there(void *arg, enum belfry_err err, const struct hub_feed *feed)
{
	struct request *r = arg;
	struct buf none = {0};
	(void)feed;
	if (form_possible(r, err))
		send_form(r, &none);
}

static bool is_wanted(const struct wanted *wanted, size_t count, enum param_kind kind)
{
	for (size_t i = 0; i < count; i++)
		if (wanted[i].kind == kind)
			return true;
	return false;
}

/* Where R may not ask now what there is to choose from, a name is asked for. */
static bool may_offer(struct request *r, enum cost cost)
{
	if (session_crowd(r->session, cost, r->bare) != CROWD_NONE)
		return false;
	r->cost = cost;
	return true;
}

void command_form(struct request *r)
{
	const struct xmpp_hub *hub = r->session->hub;
	const struct command *c = r->call->command;
	struct wanted wanted[PARAM_KINDS];
	struct buf none = {0};
	size_t count = wanted_of(c, r->place == PLACE_FEED, wanted);
	bool feed = is_wanted(wanted, count, PARAM_FEED);
	if (r->place == PLACE_FEED && is_wanted(wanted, count, PARAM_JID)) {
		hub->ops->requests(hub->hub, r->bare, r->feed, CHOICES_MAX, on_requests,
				   r);
	} else if (r->place == PLACE_FEED) {
		hub->ops->feed(hub->hub, r->from, r->feed, on_feed_there, r);
	} else if (feed && c->feeds == COMMAND_ANY_FEED && may_offer(r, COST_FEEDS)) {
		hub->ops->feeds(hub->hub, r->from, "", CHOICES_MAX, on_feeds, r);
	} else if (feed && c->feeds == COMMAND_FOLLOWED_FEED && may_offer(r, COST_OWN)) {
		hub->ops->following(hub->hub, r->from, "", CHOICES_MAX, on_following, r);
	} else {
		send_form(r, &none);
	}
}

/* ---- What was filled in
 * ---------------------------------------------------------------- */

static const char *const vars[PARAM_KINDS] = {
	[PARAM_FEED] = "feed",	 [PARAM_NAME] = "after",    [PARAM_COUNT] = "count",
	[PARAM_TIME] = "time",	 [PARAM_FORMAT] = "format", [PARAM_JID] = "jid",
	[PARAM_HOURS] = "hours", [PARAM_ZONE] = "zone",	    [PARAM_WHEN] = "when",
};

/* Hours and their zone are two fields: neither says something alone. */
static enum command_problem quiet_end(const struct command_args *a)
{
	if (a->quiet.set)
		return a->quiet.zone[0] != '\0' ? COMMAND_FINE : COMMAND_BAD_ZONE;
	return a->quiet.zone[0] == '\0' ? COMMAND_FINE : COMMAND_BAD_HOURS;
}

/* Tags as they stand there; none, and everything, is not what was meant. */
static enum command_problem read_what(xmpp_stanza_t *x, struct command_args *a)
{
	xmpp_stanza_t *v = form_first_value(form_find(x, "tags"));
	bool fine = true;
	for (; v != NULL && fine; v = form_next_value(v)) {
		char *tag = form_value_text(v);
		fine = tag[0] == '\0' || sub_options_tag(&a->only, tag, strlen(tag)) == 0;
		free(tag);
	}
	char *priority = form_text(form_find(x, "priority"));
	if (priority[0] != '\0' &&
	    priority_parse(priority, strlen(priority), &a->only.at_least) != 0)
		fine = false;
	free(priority);
	return fine ? param_what_end(a) : COMMAND_BAD_WHAT;
}

static enum command_problem read_shows(xmpp_stanza_t *x, struct command_args *a)
{
	xmpp_stanza_t *v = form_first_value(form_find(x, "shows"));
	unsigned shows = 0;
	enum command_problem p = COMMAND_FINE;
	for (; v != NULL && p == COMMAND_FINE; v = form_next_value(v)) {
		char *text = form_value_text(v);
		if (text[0] != '\0')
			p = param_take(a, PARAM_SHOWS, text, strlen(text));
		shows |= a->shows;
		free(text);
	}
	a->shows = shows;
	return p;
}

enum command_problem command_form_read(const struct command *c, bool to_feed,
				       xmpp_stanza_t *x, struct command_args *a,
				       const char **why)
{
	struct wanted wanted[PARAM_KINDS];
	size_t count = wanted_of(c, to_feed, wanted);
	enum command_problem p = COMMAND_FINE;
	command_args_init(a);
	*why = NULL;
	for (size_t i = 0; i < count && p == COMMAND_FINE; i++) {
		if (wanted[i].kind == PARAM_WHAT) {
			p = read_what(x, a);
			continue;
		}
		if (wanted[i].kind == PARAM_SHOWS) {
			p = read_shows(x, a);
			continue;
		}
		const char *var =
			wanted[i].kind == PARAM_SWITCH ? c->name : vars[wanted[i].kind];
		char *text = form_text(form_find(x, var));
		if (wanted[i].kind == PARAM_FEED && !wanted[i].required &&
		    strcmp(text, ALL) == 0)
			text[0] = '\0';
		if (text[0] != '\0') {
			p = param_take(a, wanted[i].kind, text, strlen(text));
		} else if (wanted[i].required) {
			p = COMMAND_BAD_FORM;
			*why = var;
		}
		free(text);
	}
	if (p != COMMAND_FINE)
		return p;
	return is_wanted(wanted, count, PARAM_WHEN) ? param_when_end(a) : quiet_end(a);
}
