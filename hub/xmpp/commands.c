#include "commands_int.h"

#include <belfry/base/text.h>

#include <string.h>
#include <strings.h>

/* In the order of the help and of menus. */
const struct command commands[] = {
	{"list",
	 NULL,
	 "List the feeds",
	 COMMAND_ANY_FEED,
	 run_list,
	 {{"", "the feeds there are"}, {"NAME", NULL}, {NULL, NULL}},
	 {{"", "the feeds there are"}, {"NAME", NULL}, {NULL, NULL}}},
	{"subscribe",
	 NULL,
	 "Follow a feed",
	 COMMAND_ANY_FEED,
	 run_subscribe,
	 {{"FEED", "follow a feed"}, {NULL, NULL}},
	 {{"", "follow this feed"}, {NULL, NULL}}},
	{"unsubscribe",
	 NULL,
	 "Stop following a feed",
	 COMMAND_FOLLOWED_FEED,
	 run_unsubscribe,
	 {{"FEED", "stop following it"}, {NULL, NULL}},
	 {{"", "stop following it"}, {NULL, NULL}}},
	{"subscriptions",
	 NULL,
	 "List the feeds you follow",
	 COMMAND_ANY_FEED,
	 run_subscriptions,
	 {{"", "the feeds that you follow"}, {"NAME", NULL}, {NULL, NULL}},
	 {{"", "the feeds that you follow"}, {"NAME", NULL}, {NULL, NULL}}},
	{"last",
	 NULL,
	 "Show the last events",
	 COMMAND_ANY_FEED,
	 run_last,
	 {{"FEED N", "the last N events of a feed (at most " COMMAND_LAST_MAX_TEXT ")"},
	  {"N", "the same of all feeds that you follow"},
	  {"FEED", NULL},
	  {"", NULL},
	  {NULL, NULL}},
	 {{"N", "its last N events (at most " COMMAND_LAST_MAX_TEXT ")"},
	  {"", NULL},
	  {NULL, NULL}}},
	{"only",
	 NULL,
	 "Get only some of the events",
	 COMMAND_FOLLOWED_FEED,
	 run_only,
	 {{"FEED WHAT",
	   "get less of it: WHAT is tags, and normal, high or urgent (only deploys web "
	   "db high)"},
	  {NULL, NULL}},
	 {{"WHAT",
	   "get less of it: WHAT is tags, and normal, high or urgent (only web db "
	   "high)"},
	  {NULL, NULL}}},
	{"everything",
	 NULL,
	 "Get all events",
	 COMMAND_FOLLOWED_FEED,
	 run_everything,
	 {{"FEED", "get all of it again"}, {NULL, NULL}},
	 {{"", "get all of it again"}, {NULL, NULL}}},
	{"mute",
	 NULL,
	 "Mute",
	 COMMAND_FOLLOWED_FEED,
	 run_mute,
	 {{"FEED TIME", "skip what comes in the next 30m, 2h or 3d (" COMMAND_MUTE_TEXT
			" without a TIME)"},
	  {"TIME", "the same for all feeds that you follow"},
	  {"FEED", NULL},
	  {"", NULL},
	  {NULL, NULL}},
	 {{"TIME", "skip what comes in the next 30m, 2h or 3d (" COMMAND_MUTE_TEXT
		   " without a TIME)"},
	  {"", NULL},
	  {NULL, NULL}}},
	{"unmute",
	 NULL,
	 "End muting",
	 COMMAND_FOLLOWED_FEED,
	 run_unmute,
	 {{"FEED", "hear it again"},
	  {"", "hear all feeds that you follow again"},
	  {NULL, NULL}},
	 {{"", "hear it again"}, {NULL, NULL}}},
	{"pause",
	 NULL,
	 "Pause",
	 COMMAND_FOLLOWED_FEED,
	 run_pause,
	 {{"FEED", "keep what comes, until you write resume"},
	  {"", "the same for all feeds that you follow"},
	  {NULL, NULL}},
	 {{"", "keep what comes, until you write resume"}, {NULL, NULL}}},
	{"resume",
	 NULL,
	 "Go on after a pause",
	 COMMAND_FOLLOWED_FEED,
	 run_resume,
	 {{"FEED", "get it again, and what was kept"},
	  {"", "the same for all feeds that you follow"},
	  {NULL, NULL}},
	 {{"", "get it again, and what was kept"}, {NULL, NULL}}},
	{"quiet",
	 NULL,
	 "Set quiet hours",
	 COMMAND_FOLLOWED_FEED,
	 run_quiet,
	 {{"FEED HOURS ZONE",
	   "keep what comes in these hours of each day until they are over (quiet "
	   "deploys 22:00-07:00 Europe/Berlin)"},
	  {"FEED off", "no quiet hours any more"},
	  {"HOURS ZONE", "quiet hours for all feeds that you follow"},
	  {"off", NULL},
	  {NULL, NULL}},
	 {{"HOURS ZONE",
	   "keep what comes in these hours of each day until they are over (quiet "
	   "22:00-07:00 Europe/Berlin)"},
	  {"off", "no quiet hours any more"},
	  {NULL, NULL}}},
	{"urgent",
	 NULL,
	 "Get urgent events in quiet hours",
	 COMMAND_FOLLOWED_FEED,
	 run_urgent,
	 {{"FEED on|off", "get what is urgent in quiet hours, before digests and in "
			  "other states, too, or not"},
	  {"on|off", "the same for all feeds that you follow"},
	  {NULL, NULL}},
	 {{"on|off", "get what is urgent in quiet hours, before digests and in other "
		     "states, too, or not"},
	  {NULL, NULL}}},
	{"hold",
	 NULL,
	 "Keep what comes while you are offline",
	 COMMAND_FOLLOWED_FEED,
	 run_hold,
	 {{"FEED on|off", "keep what comes while you are offline, or not"},
	  {"on|off", "the same for all feeds that you follow"},
	  {NULL, NULL}},
	 {{"on|off", "keep what comes while you are offline, or not"}, {NULL, NULL}}},
	{"receipts",
	 NULL,
	 "Keep what your client has not confirmed",
	 COMMAND_FOLLOWED_FEED,
	 run_receipts,
	 {{"FEED on|off", "keep what your client has not confirmed, or not"},
	  {"on|off", "the same for all feeds that you follow"},
	  {NULL, NULL}},
	 {{"on|off", "keep what your client has not confirmed, or not"}, {NULL, NULL}}},
	{"when",
	 NULL,
	 "Get events only in some states",
	 COMMAND_FOLLOWED_FEED,
	 run_when,
	 {{"FEED SHOWS",
	   "keep what comes unless you are shown as one of these (when deploys "
	   "chat,online; any ends it)"},
	  {"SHOWS", "the same for all feeds that you follow"},
	  {NULL, NULL}},
	 {{"SHOWS",
	   "keep what comes unless you are shown as one of these (when chat,online; any "
	   "ends it)"},
	  {NULL, NULL}}},
	{"digest",
	 NULL,
	 "Get events together",
	 COMMAND_FOLLOWED_FEED,
	 run_digest,
	 {{"FEED WHEN ZONE",
	   "get its events together: every 5m, 1h or 2d, or daily@08:00 (digest deploys "
	   "daily@08:00 Europe/Berlin)"},
	  {"FEED WHEN", NULL},
	  {"FEED off", "get each at once again"},
	  {"WHEN ZONE", "the same for all feeds that you follow"},
	  {"WHEN", NULL},
	  {"off", NULL},
	  {NULL, NULL}},
	 {{"WHEN ZONE",
	   "get its events together: every 5m, 1h or 2d, or daily@08:00 (digest "
	   "daily@08:00 Europe/Berlin)"},
	  {"WHEN", NULL},
	  {"off", "get each at once again"},
	  {NULL, NULL}}},
	{"format",
	 NULL,
	 "Choose how events come",
	 COMMAND_FOLLOWED_FEED,
	 run_format,
	 {{"FEED FORMAT", "how its events come: chat, normal, headline or event"},
	  {NULL, NULL}},
	 {{"FORMAT", "how its events come: chat, normal, headline or event"},
	  {NULL, NULL}}},
	{"yes",
	 NULL,
	 "Accept an invitation",
	 COMMAND_NAMED_FEED,
	 run_yes,
	 {{"FEED", "follow it, where you were invited to"}, {NULL, NULL}},
	 {{"", "follow it, where you were invited to"}, {NULL, NULL}}},
	{"no",
	 NULL,
	 "Refuse an invitation",
	 COMMAND_NAMED_FEED,
	 run_no,
	 {{"FEED", "do not, and be asked no more"}, {NULL, NULL}},
	 {{"", "do not, and be asked no more"}, {NULL, NULL}}},
	{"requests",
	 NULL,
	 "See who asks to follow a feed",
	 COMMAND_ANY_FEED,
	 run_requests,
	 {{"FEED", "who asks to follow it (for its owners)"}, {NULL, NULL}},
	 {{"", "who asks to follow it (for its owners)"}, {NULL, NULL}}},
	{"allow",
	 NULL,
	 "Let somebody in",
	 COMMAND_ANY_FEED,
	 run_allow,
	 {{"FEED JID", "let them follow it (for its owners)"}, {NULL, NULL}},
	 {{"JID", "let them follow it (for its owners)"}, {NULL, NULL}}},
	{"deny",
	 NULL,
	 "Do not let somebody in",
	 COMMAND_ANY_FEED,
	 run_deny,
	 {{"FEED JID", "do not let them (for its owners)"}, {NULL, NULL}},
	 {{"JID", "do not let them (for its owners)"}, {NULL, NULL}}},
	{"whoami",
	 NULL,
	 "Who am I?",
	 COMMAND_ANY_FEED,
	 run_whoami,
	 {{"", "what is known of you here"}, {NULL, NULL}},
	 {{"", "what is known of you here"}, {NULL, NULL}}},
	{"help",
	 "?",
	 "What you can write",
	 COMMAND_ANY_FEED,
	 run_help,
	 {{"", "this text"}, {"ANY", NULL}, {NULL, NULL}},
	 {{"", "this text"}, {"ANY", NULL}, {NULL, NULL}}},
};
const size_t command_count = sizeof(commands) / sizeof(commands[0]);

const struct command_usage *command_usages(const struct command *c, bool to_feed)
{
	return to_feed ? c->feed : c->hub;
}

static bool same(const char *name, const char *s, size_t len)
{
	return name != NULL && strlen(name) == len && strncasecmp(name, s, len) == 0;
}

const struct command *command_find(const char *name, size_t len)
{
	for (size_t i = 0; i < command_count; i++)
		if (same(commands[i].name, name, len) ||
		    same(commands[i].alias, name, len))
			return &commands[i];
	return NULL;
}

/* The words of the usages, in the order of their kinds. */
static const char *const param_words[PARAM_KINDS] = {
	"FEED",	 "NAME", "N",	 "TIME", "FORMAT", "WHAT",  "JID",
	"HOURS", "ZONE", "WHEN", "off",	 "on|off", "SHOWS", "ANY"};

size_t usage_params(const struct command_usage *u,
		    enum param_kind kinds[USAGE_PARAMS_MAX])
{
	size_t n = 0;
	for (const char *s = u->params; *s != '\0' && n < USAGE_PARAMS_MAX;) {
		size_t len = strcspn(s, " "), kind = 0;
		while (kind < PARAM_ANY && !text_is(s, len, param_words[kind]))
			kind++;
		kinds[n++] = (enum param_kind)kind;
		s += len + (s[len] == ' ');
	}
	return n;
}
