#ifndef BELFRY_HUB_XMPP_COMMANDS_INT_H
#define BELFRY_HUB_XMPP_COMMANDS_INT_H

#include "commands.h"
#include "session.h"

#include <belfry/base/err.h>

/* What there is to say of a change that was made. */
typedef void (*command_said)(const struct request *r, struct buf *text);

/* A command on its way: what a request has beside what all of them have. */
struct command_call {
	const struct command *command;
	struct command_args args;
	char *session; /* XEP-0050: its sessionid; NULL: it came by chat */
	void (*ask)(struct request *r); /* asks once more */
	/* What is changed, and what is said of it. */
	struct sub_change change;
	command_said said;
	/* All feeds that are followed, one after the other; owned. */
	char **feeds;
	size_t feed_count, at, changed;
	bool unseen; /* one of them depends on a presence that may not be seen (yet) */
	bool more;
};
/*
 * Obeys. R came by chat, or is an IQ with SESSION (taken over); it is freed when it has
 * been answered.
 */
void command_run(struct request *r, const struct command *c,
		 const struct command_args *args, char *session);
void command_call_free(struct command_call *call); /* NULL is safe */

/* ---- Answers ---------------------------------------------------------------------- */

/*
 * What a command says, in chat or as a note and a form (XEP-0004): a text; a table with
 * its rows; or a list of fields. The text stands before, the end behind them.
 */
struct answer_column {
	const char *var, *label;
	const char *before; /* in chat, before a value that is not empty */
};
struct answer {
	const struct request *r;
	bool failed;
	struct buf text, end;
	const struct answer_column *columns; /* of a table, or NULL */
	size_t column_count;
	struct buf body; /* rows or fields, as they are sent */
};
/* `struct answer a = {.r = r}` is an empty one. False: there is no room for the row. */
bool answer_row(struct answer *a, const char *const *cells);
void answer_field(struct answer *a, const char *var, const char *label,
		  const char *value);
/* The list goes on behind NAME. */
void answer_more(struct answer *a, const char *name);
/* Sends it, if it still may be, and frees what it holds and R. */
void answer_end(struct answer *a, struct request *r);
/* The same of a text. */
void command_say(struct request *r, const char *text);
void command_fail(struct request *r, const char *text);
/* The same of what went wrong. */
void command_error(struct request *r, enum belfry_err err);

/* Appends 'NAME' or 'NAME FEED', as it is written where R came from, and REST. */
void command_quote(const struct request *r, const char *name, const char *rest,
		   struct buf *out);

/* ---- Changing subscriptions ------------------------------------------------------- */

/* Said where somebody follows nothing. */
extern const char command_follows_none[];
/* Changes that of R's feed, if there is one; SAID ends R. */
void command_change(struct request *r, const struct sub_change *c, command_said said);
/* The same; of all feeds that are followed where R names none. */
void command_change_any(struct request *r, const struct sub_change *c, command_said said);
/* Does SUB depend on a presence that was not granted? Why, in words; NULL: no. */
const char *command_unseen(const struct sub *sub);
/* Appends "deploys", or "2 feeds"; and ONE or MANY. */
void command_changed(const struct request *r, const char *one, const char *many,
		     struct buf *out);
/* "2026-11-22 19:00 UTC", or "" where it has passed. */
#define COMMAND_TIME_SIZE 32
void command_time(uint64_t ms, char out[COMMAND_TIME_SIZE]);

/* ---- What costs more than other questions ----------------------------------------- */

/* May R ask what costs COST? Else it has been told to wait, and is freed. */
bool command_may_ask(struct request *r, enum cost cost);

/* ---- The commands ------------------------------------------------------------------ */

void run_list(struct request *r);
void run_subscribe(struct request *r);
void run_unsubscribe(struct request *r);
void run_last(struct request *r);
void run_help(struct request *r);
void run_subscriptions(struct request *r);
void run_format(struct request *r);
void run_mute(struct request *r);
void run_unmute(struct request *r);
void run_pause(struct request *r);
void run_resume(struct request *r);
void run_quiet(struct request *r);
void run_urgent(struct request *r);
void run_hold(struct request *r);
void run_receipts(struct request *r);
void run_when(struct request *r);
void run_digest(struct request *r);
void run_only(struct request *r);
void run_everything(struct request *r);
void run_whoami(struct request *r);
void run_yes(struct request *r);
void run_no(struct request *r);
void run_requests(struct request *r);
void run_allow(struct request *r);
void run_deny(struct request *r);

/*
 * A full stop behind a feed's name may have been the sentence's: asks again without it.
 * True: R is under way again.
 */
bool command_asked_again(struct request *r, enum belfry_err err);

/* ---- XEP-0050 ---------------------------------------------------------------------- */

#define COMMAND_NODE "belfry:" /* no feed's name has a colon */
#define COMMAND_SESSION_BYTES 16
/* The beginning of an answer, up to its <command/>; its end sends and frees OUT. */
void command_begin(struct buf *out, const struct request *r, const char *status);
void command_end(struct session *s, struct buf *out);
/* Asks for C's parameters; frees R, which has a call. */
void command_form(struct request *r);
/*
 * Reads what was filled in of X, which may be NULL. Anything but COMMAND_FINE: *WHY says
 * more where it is set.
 */
enum command_problem command_form_read(const struct command *c, bool to_feed,
				       xmpp_stanza_t *x, struct command_args *a,
				       const char **why);
bool command_has_form(const struct command *c, bool to_feed);

#endif
