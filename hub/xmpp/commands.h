#ifndef BELFRY_HUB_XMPP_COMMANDS_H
#define BELFRY_HUB_XMPP_COMMANDS_H

#include <belfry/base/buf.h>
#include <belfry/core/feed.h>
#include <belfry/core/jid.h>
#include <belfry/core/subscription.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the hub and the feeds can be told. One table (commands.c) makes what is understood
 * in chat (chat_parse.c), the help, and the commands of XEP-0050 with their forms
 * (commands_iq.c, commands_form.c); what a command does (commands_run.c,
 * commands_follow.c, commands_access.c) does not know which way it came.
 */
#define COMMAND_LAST_MAX 20
#define COMMAND_LAST_MAX_TEXT "20"
#define COMMAND_MUTE_MAX_MS ((uint64_t)30 * 24 * 3600 * 1000)
#define COMMAND_MUTE_MAX_TEXT "30d"
#define COMMAND_MUTE_MS ((uint64_t)8 * 3600 * 1000) /* where no time is named */
#define COMMAND_MUTE_TEXT "8h"

struct command_args {
	char feed[FEED_NAME_MAX + 1]; /* "": none was named */
	char jid[JID_MAX + 1];	      /* normalized */
	uint64_t count;		      /* 1..COMMAND_LAST_MAX */
	uint64_t time_ms;	      /* up to COMMAND_MUTE_MAX_MS */
	enum sub_format format;
	struct sub_options only;  /* its tags and priority */
	struct sub_quiet quiet;	  /* not set: none */
	struct sub_digest digest; /* its zone is that of `quiet` until the end */
	unsigned shows;		  /* 0: any */
	bool on;
};
void command_args_init(struct command_args *a);

/* Why a command cannot be obeyed as it was given. */
enum command_problem {
	COMMAND_FINE,
	COMMAND_BAD_FORM, /* other words belong behind it */
	COMMAND_BAD_FEED, /* no feed can be called that */
	COMMAND_BAD_COUNT,
	COMMAND_BAD_TIME,
	COMMAND_BAD_FORMAT,
	COMMAND_BAD_WHAT,
	COMMAND_BAD_JID,
	COMMAND_BAD_HOURS,
	COMMAND_BAD_ZONE,
	COMMAND_BAD_SHOWS,
	COMMAND_BAD_WHEN,
	COMMAND_FOR_HUB, /* the hub would understand it; a feed was written to */
};
/* A sentence without its end. */
const char *command_problem_text(enum command_problem p);

/* What may stand behind a command. */
enum param_kind {
	PARAM_FEED,
	PARAM_NAME, /* a list goes on behind it */
	PARAM_COUNT,
	PARAM_TIME,
	PARAM_FORMAT,
	PARAM_WHAT, /* tags and a priority: all the words there are */
	PARAM_JID,
	PARAM_HOURS, /* a ZONE belongs to them */
	PARAM_ZONE,
	PARAM_WHEN,   /* of a digest; a daily one has a ZONE */
	PARAM_OFF,    /* this word; no hours are */
	PARAM_SWITCH, /* its field is called as the command */
	PARAM_SHOWS,  /* with commas, or "any" */
	PARAM_ANY,    /* whatever follows; it says nothing */
	PARAM_KINDS,
};
/*
 * Reads one word (of PARAM_WHAT: each of its words). Foreign input. What is not UTF-8, or
 * too long, is a problem like others.
 */
enum command_problem param_take(struct command_args *a, enum param_kind kind,
				const char *s, size_t len);
/* Is that what was meant, if not as one that there is? */
bool param_resembles(enum param_kind kind, const char *s, size_t len);
/* PARAM_WHEN: does a daily digest have its zone? */
enum command_problem param_when_end(struct command_args *a);
/* PARAM_WHAT: do the tags go into a row? Is there anything? */
enum command_problem param_what_end(const struct command_args *a);

struct request;
#define USAGE_PARAMS_MAX 3
#define USAGES_MAX 7
/* A way to give a command. */
struct command_usage {
	const char *params; /* behind its name, as the help shows them; NULL: no more */
	const char *what;   /* for the help; NULL: understood, but not shown */
};
/* Which feeds are offered to choose from. */
enum command_feeds {
	COMMAND_ANY_FEED, /* those that may be seen */
	COMMAND_FOLLOWED_FEED,
	COMMAND_NAMED_FEED, /* none: it may be one that cannot be seen */
};
struct command {
	const char *name;  /* lower case */
	const char *alias; /* or NULL */
	const char *title; /* for a menu */
	enum command_feeds feeds;
	void (*run)(struct request *r);
	struct command_usage hub[USAGES_MAX], feed[USAGES_MAX];
};
extern const struct command commands[];
extern const size_t command_count;
const struct command_usage *command_usages(const struct command *c, bool to_feed);
/* By name or alias, in upper or lower case. NULL: there is none. */
const struct command *command_find(const char *name, size_t len);
/* The parameters of U: their number. */
size_t usage_params(const struct command_usage *u,
		    enum param_kind kinds[USAGE_PARAMS_MAX]);

#endif
