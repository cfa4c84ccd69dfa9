#ifndef BELFRY_HUB_SERVE_PROBLEMS_H
#define BELFRY_HUB_SERVE_PROBLEMS_H

#include <belfry/base/err.h>

#include <stddef.h>

/* What HTTP makes of an error: one row each; docs/http-api.md lists the same. */
struct problem {
	unsigned status;
	const char *type, *title;
	const char *detail;	/* what to do, where the place knows nothing better */
	unsigned retry_after_s; /* 0: no such header */
};

/* Of a border's error. */
const struct problem *problem_of(enum belfry_err err);

/* Of what serve itself finds wrong. */
extern const struct problem problem_unauthorized, problem_forbidden,
	problem_bad_parameter, problem_bad_document, problem_event_too_large,
	problem_bad_name, problem_bad_image, problem_no_svg, problem_no_avatar,
	problem_busy, problem_conflict, problem_not_ready, problem_no_domain,
	problem_not_pending, problem_pending_full, problem_rate_limit,
	problem_no_dead_letter, problem_not_scheduled, problem_no_item,
	problem_too_many_scheduled;

#endif
