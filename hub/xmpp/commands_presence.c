#include "commands_int.h"

/* What is kept until somebody is there: the feed has to see that. */

const char *command_unseen(const struct sub *sub)
{
	struct sub_options o;
	sub_options_read(sub, &o);
	if (!(o.hold_offline || o.shows) || o.grant == GRANT_YES)
		return NULL;
	return o.grant == GRANT_REFUSED
		       ? "the feed may not see your presence; choose this again to be asked"
		       : "please let the feed see your presence, which it asks for";
}

/* All that was changed depends on it. */
static void say_unseen(const struct request *r, struct buf *text)
{
	if (r->call->unseen)
		buf_adds(text,
			 " For this I have to see whether you are there: please say "
			 "yes when I ask for that. Until then all comes at once.");
}

static void said_hold(const struct request *r, struct buf *text)
{
	buf_adds(text, "What comes of ");
	if (!r->call->change.options.hold_offline) {
		command_changed(r, " while you are offline is not kept here any more.",
				" while you are offline is not kept here any more.",
				text);
		return;
	}
	command_changed(r, " while you are offline is kept until you are back.",
			" while you are offline is kept until you are back.", text);
	say_unseen(r, text);
}

void run_hold(struct request *r)
{
	command_change_any(r,
			   &(struct sub_change){.set = SUB_SET_OFFLINE,
						.format = FORMAT_CHAT,
						.options.hold_offline = r->call->args.on},
			   said_hold);
}

static void said_when(const struct request *r, struct buf *text)
{
	char shows[SHOWS_TEXT_SIZE];
	if (shows_text(r->call->change.options.shows, shows) == 0) {
		command_changed(r, " comes", " come", text);
		buf_adds(text, " whatever you are shown as.");
		return;
	}
	command_changed(r, " comes", " come", text);
	buf_printf(text,
		   " only while you are shown as one of: %s. What comes else is kept "
		   "until then. Write ",
		   shows);
	command_quote(r, "when", " any", text);
	buf_adds(text, " to end this, ");
	command_quote(r, "urgent", " on", text);
	buf_adds(text, " to get what is urgent unless you are offline.");
	say_unseen(r, text);
}

void run_when(struct request *r)
{
	command_change_any(r,
			   &(struct sub_change){.set = SUB_SET_SHOWS,
						.format = FORMAT_CHAT,
						.options.shows = r->call->args.shows},
			   said_when);
}
