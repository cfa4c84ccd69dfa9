#include "moments.h"

#include <belfry/base/clock.h>

#include <string.h>

/* One of the two, and where it may stand. */
struct place {
	const char *header;	      /* takes either */
	const char *at, *in;	      /* parameters: a time, a duration */
	const struct when *otherwise; /* what the document says */
};

static struct when choose(struct call *call, const struct place *p)
{
	const char *header = http_header(call->req, p->header);
	const char *at = http_query(call->req, p->at);
	const char *in = http_query(call->req, p->in);

	if (header)
		return when_parse(header, strlen(header));
	if (at && in)
		return (struct when){.kind = WHEN_WRONG};
	if (at)
		return when_at(at, strlen(at));
	if (in)
		return when_in(in, strlen(in));
	return *p->otherwise;
}

static int refuse(struct call *call, const char *detail)
{
	call_problem(call, &problem_bad_parameter, detail);
	return -1;
}

static int choose_due(struct call *call, const struct event *event, uint64_t now_ms,
		      struct moments *m)
{
	const struct place place = {"Belfry-Delay", "deliver_at", "delay",
				    &event->deliver};

	m->deliver = choose(call, &place);
	m->due_ms = when_ms(&m->deliver, now_ms);
	if (m->deliver.kind == WHEN_WRONG)
		return refuse(call,
			      "deliver_at is a time, such as 2026-11-23T09:00:00Z, and "
			      "delay is seconds or a duration, such as 300 or PT5M, of "
			      "366 days at most; give one of them. Belfry-Delay takes "
			      "either.");
	if (m->due_ms > now_ms + WHEN_IN_MAX_MS)
		return refuse(call, "deliver_at is more than 366 days ahead.");
	if (m->due_ms <= now_ms)
		m->due_ms = 0;
	return 0;
}

/* A duration begins when the event is delivered. */
static int choose_end(struct call *call, const struct event *event, uint64_t now_ms,
		      struct moments *m)
{
	const struct place place = {"Belfry-Expires", "expires_at", "expires",
				    &event->expires};
	uint64_t from_ms = m->due_ms ? m->due_ms : now_ms;

	m->expires = choose(call, &place);
	m->expires_ms = when_ms(&m->expires, from_ms);
	if (m->expires.kind == WHEN_NONE)
		return 0;
	if (m->expires.kind == WHEN_WRONG)
		return refuse(call,
			      "expires_at is a time, such as 2026-11-23T09:00:00Z, and "
			      "the parameter expires is seconds or a duration, such as "
			      "3600 or PT1H, of 366 days at most; give one of them. "
			      "Belfry-Expires takes either.");
	if (m->expires_ms <= now_ms)
		return refuse(call, "It expires at once: expires_at is in the past.");
	if (m->expires_ms <= from_ms)
		return refuse(call, "It expires before it is delivered: expires_at has "
				    "to be later than deliver_at.");
	return 0;
}

int moments_choose(struct call *call, const struct event *event, uint64_t now_ms,
		   struct moments *out)
{
	*out = (struct moments){0};
	return choose_due(call, event, now_ms, out) ||
			       choose_end(call, event, now_ms, out)
		       ? -1
		       : 0;
}
