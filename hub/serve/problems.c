#include "problems.h"

static const struct problem of_err[] = {
	[BELFRY_OK] = {500, "internal", "Internal error", "The service's log says more.",
		       0},
	[BELFRY_EINVAL] = {400, "bad-request", "Malformed request",
			   "Something in it is wrong.", 0},
	[BELFRY_ENOFEED] = {404, "no-such-feed", "No such feed",
			    "Make it first: PUT /v1/feeds/NAME.", 0},
	[BELFRY_ENOENT] =
		{404, "not-found", "Not found",
		 "There is no such event or subscriber in this feed. An event may have "
		 "been trimmed: max_items and max_age say what is kept.",
		 0},
	[BELFRY_EEXIST] = {409, "being-deleted", "Feed is being deleted",
			   "Try again shortly.", 1},
	[BELFRY_EREUSED] = {422, "idempotency-key-reused", "Idempotency-Key reused",
			    "This Idempotency-Key stands for a different request of "
			    "this feed. Use a new key for each event.",
			    0},
	[BELFRY_EDENIED] = {403, "access", "Not let in",
			    "The feed's access does not let this JID follow it.", 0},
	[BELFRY_EPENDING] = {409, "pending", "Waits for an answer",
			     "An invitation is the person's to answer; DELETE takes it "
			     "back. A request is answered with PUT: {\"decision\": "
			     "\"allow\"}, or \"deny\".",
			     0},
	[BELFRY_EREFUSED] = {409, "refused", "Refused",
			     "This person was invited to the feed and said no, which is "
			     "remembered. Only they can change it, by subscribing from "
			     "their own client.",
			     0},
	[BELFRY_ELIMIT] = {429, "limit", "Too many in a while", "Try again later.", 60},
	[BELFRY_EFULL] = {503, "store-full", "Store full",
			  "The store has no room for more. Try again later; the operator "
			  "should raise Redis' maxmemory, or lower the feeds' max_items.",
			  10},
	[BELFRY_EAWAY] = {503, "store-away", "Store away",
			  "The store did not answer in time. The request may have been "
			  "carried out: repeat it, an event with the same "
			  "Idempotency-Key.",
			  1},
	[BELFRY_EUNSENT] = {503, "store-away", "Store away",
			    "The store is not there. Nothing was done: repeat it.", 1},
	[BELFRY_EREPLICAS] =
		{503, "too-few-replicas", "Too few replicas",
		 "The event is stored, but too few replicas have it. Repeat it with "
		 "the same Idempotency-Key.",
		 1},
	[BELFRY_ESTALE] =
		{409, "conflict", "Changed meanwhile",
		 "Somebody changed it at the same time. Read it again and repeat.", 0},
	[BELFRY_ELOST] = {500, "internal", "Internal error",
			  "The service's log says more.", 0},
	[BELFRY_EINTERNAL] = {500, "internal", "Internal error",
			      "The service's log says more.", 0},
};

const struct problem problem_unauthorized = {
	401, "unauthorized", "Unauthorized",
	"Send 'Authorization: Bearer TOKEN' with a token made by 'belfry token create'.",
	0};
const struct problem problem_forbidden = {
	403, "forbidden", "Forbidden",
	"This token has not the scope, or not the feed, for that. 'belfry token list' "
	"shows what tokens may do.",
	0};
const struct problem problem_bad_parameter = {400, "bad-parameter", "Bad parameter", NULL,
					      0};
const struct problem problem_bad_document = {400, "bad-document", "Bad document", NULL,
					     0};
const struct problem problem_event_too_large = {413, "event-too-large", "Event too large",
						NULL, 0};
const struct problem problem_bad_name = {400, "bad-name", "Bad feed name",
					 "A feed's name is 1 to 64 characters of a-z, "
					 "0-9, '.', '_' and '-'; hub, help, admin and "
					 "abuse are taken by the service.",
					 0};
const struct problem problem_bad_image = {400, "bad-image", "Bad image", NULL, 0};
const struct problem problem_no_svg = {415, "media-type", "Unsupported media type", NULL,
				       0};
const struct problem problem_no_avatar = {
	404, "not-found", "Not found",
	"This feed has no avatar. PUT an image/png or image/svg+xml here.", 0};
const struct problem problem_busy = {503, "busy", "Too many images under way",
				     "Try again shortly.", 1};
const struct problem problem_not_pending = {
	404, "not-found", "Not found",
	"This JID does not wait to follow this feed: it did not ask, was not invited, or "
	"follows it by now. Who follows is under /v1/feeds/NAME/subscribers.",
	0};
const struct problem problem_no_dead_letter = {
	404, "not-found", "Not found",
	"This JID is no dead letter of this feed: it does not follow it, or gets what is "
	"sent, or is tried again. 'hold' of /v1/feeds/NAME/subscribers/JID says which.",
	0};
const struct problem problem_no_item = {
	404, "not-found", "Not found",
	"There is no such item: it was retracted, or is no longer kept, or never was. "
	"It is named by what was given as item, or else by the event's id.",
	0};
const struct problem problem_not_scheduled = {
	404, "not-found", "Not found",
	"This event is not scheduled: it was delivered or cancelled, or never was. "
	"/v1/feeds/NAME/events/ID says what became of one that was delivered.",
	0};
const struct problem problem_too_many_scheduled = {
	409, "too-many-scheduled", "Too many scheduled events",
	"A feed keeps at most 10,000 events that are to come. Post later, or cancel some: "
	"DELETE /v1/feeds/NAME/scheduled/ID.",
	0};
/* Waiting does not help. */
const struct problem problem_pending_full = {
	503, "store-full", "No room for more who wait",
	"A feed keeps at most 10,000 who wait or were refused, and a worker is to tell "
	"10,000 people at most. Answer requests and DELETE invitations and denials under "
	"/v1/feeds/NAME/pending, and see that 'belfry work' runs.",
	0};
const struct problem problem_conflict = {
	409, "conflict", "Changed meanwhile",
	"Somebody changed it at the same time. Read it again and repeat.", 0};
const struct problem problem_rate_limit = {429, "rate-limit", "Too many events", NULL, 1};
const struct problem problem_not_ready = {
	503, "not-ready", "Not ready", "The store has not been reached yet; see /readyz.",
	1};
const struct problem problem_no_domain = {
	503, "no-domain", "No XMPP domain",
	"Links need the component's name: the operator should set xmpp.domain.", 60};

const struct problem *problem_of(enum belfry_err err)
{
	if (err == BELFRY_EUNOWNED)
		err = BELFRY_EPENDING; /* whoever asks here may answer it */
	if ((size_t)err >= sizeof of_err / sizeof *of_err || err == BELFRY_OK)
		return &of_err[BELFRY_EINTERNAL];
	return &of_err[err];
}
