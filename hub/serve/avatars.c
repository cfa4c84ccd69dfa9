#include "service.h"

#include <belfry/base/mem.h>
#include <belfry/core/image.h>
#include <belfry/http/json.h>
#include <belfry/serve/face.h>

#include <stdlib.h>
#include <string.h>

/* SVGs at a time, each drawn by a process; and PNGs, which hold all else up for some ms.
 */
#define JOBS_MAX 4

/* An image that is being looked at, or will be when its feed is known to be there. */
struct avatar_job {
	struct avatar_job *next;
	struct call *call; /* NULL: was ended while the store was asked */
	struct face_job *job;
	bool svg, asks;
};

/* Of a kind, beside those of FEED, which would make room. */
static bool too_many(const struct service *s, const char *feed, bool svg)
{
	size_t others = 0;

	for (const struct avatar_job *j = s->avatars; j; j = j->next)
		others += j->svg == svg && strcmp(j->call->feed, feed) != 0;
	return others >= JOBS_MAX;
}

/* The call is whose it was before. */
static struct call *job_end(struct avatar_job *j)
{
	struct call *call = j->call;
	struct avatar_job **at = &call->service->avatars;

	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	face_job_destroy(j->job);
	j->call = NULL;
	if (!j->asks) /* else on_feed() has it still */
		free(j);
	return call;
}

void avatars_supersede(struct service *s, const char *feed)
{
	struct avatar_job *next;

	for (struct avatar_job *j = s->avatars; j; j = next) {
		next = j->next;
		if (strcmp(j->call->feed, feed) == 0)
			call_problem(job_end(j), &problem_conflict,
				     "A later request for this feed took the place of "
				     "this one.");
	}
}

void avatars_finish(struct service *s)
{
	while (s->avatars)
		call_error(job_end(s->avatars), BELFRY_EAWAY);
}

/* ---- PUT ------------------------------------------------------------------------ */

static void on_stored(void *arg, enum belfry_err err)
{
	struct call *call = arg;
	struct buf out = {0};

	if (err) {
		call_error(call, err);
		return;
	}
	buf_adds(&out, call->text);
	call_answer(call, 200, &out);
}

static void describe(struct call *call, const struct store_face *face)
{
	struct buf out = {0};

	buf_adds(&out, "{");
	json_add_member(&out, "avatar", face->sha1);
	json_add_member(&out, "type", face->type);
	json_add_member_u64(&out, "bytes", face->len);
	json_add_member_u64(&out, "width", face->width);
	json_add_member_u64(&out, "height", face->height);
	buf_adds(&out, "}\n");
	call->text = buf_steal(&out);
}

static void on_face(void *arg, enum face_end end, const struct store_face *face,
		    const char *why)
{
	struct avatar_job *j = arg;

	j->job = NULL; /* has freed itself */
	struct call *call = job_end(j);
	struct store *store = call->service->store;

	if (!http_awaited(call->req)) {
		call_error(call, BELFRY_EAWAY);
		return;
	}
	switch (end) {
	case FACE_GOOD:
		describe(call, face);
		store->ops->face_put(store, call->feed, face, on_stored, call);
		return;
	case FACE_REFUSED:
		call_problem(call, &problem_bad_image, why);
		return;
	case FACE_MISSING:
		call_problem(call, &problem_no_svg, why);
		return;
	case FACE_BUSY:
		call_problem(call, &problem_busy, why);
		return;
	}
}

/* The feed is there: no name that was made up costs the look at an image. */
static void on_feed(void *arg, enum belfry_err err, const struct store_feed *feed,
		    bool created)
{
	struct avatar_job *j = arg;
	struct call *call = j->call;

	(void)feed;
	(void)created;
	j->asks = false;
	if (!call) {
		free(j);
	} else if (err || !http_awaited(call->req)) {
		call_error(job_end(j), err ? err : BELFRY_EAWAY);
	} else {
		struct service *s = call->service;
		size_t len;
		const char *body = http_body(call->req, &len);

		j->job = face_make(s->loop, j->svg, body, len,
				   s->config->http.request_timeout_ms, on_face, j);
	}
}

/* From here on it stands for its feed: what comes later ends it, though the store is
 * still to answer. */
static void put_checked(struct call *call)
{
	struct service *s = call->service;
	bool svg = !strcmp(http_content_type(call->req), "image/svg+xml");

	if (!call_feed_valid(call))
		return;
	if (too_many(s, call->feed, svg)) {
		call_problem(call, &problem_busy, NULL);
		return;
	}
	avatars_supersede(s, call->feed);
	struct avatar_job *j = xcalloc(1, sizeof *j);
	*j = (struct avatar_job){
		.next = s->avatars, .call = call, .svg = svg, .asks = true};
	s->avatars = j;
	s->store->ops->feed_get(s->store, call->feed, on_feed, j);
}

void avatar_put(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_MANAGE, "", put_checked);
}

/* ---- GET, DELETE ---------------------------------------------------------------- */

static void on_read(void *arg, enum belfry_err err, const struct store_face *face)
{
	struct call *call = arg;
	struct buf out = {0};

	if (err == BELFRY_ENOENT) {
		call_problem(call, &problem_no_avatar, NULL);
	} else if (err) {
		call_error(call, err);
	} else {
		buf_add(&out, face->data, face->len);
		/* Asked for by the feed's name: another image may be there at any time.
		 */
		call_answer_tagged(call, face->sha1, "private, no-cache", face->type,
				   &out);
	}
}

static void get_checked(struct call *call)
{
	struct store *store = call->service->store;

	if (call_feed_valid(call))
		store->ops->face_get(store, call->feed, on_read, call);
}

void avatar_get(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_MANAGE, "", get_checked);
}

static void delete_checked(struct call *call)
{
	struct store *store = call->service->store;

	if (!call_feed_valid(call))
		return;
	avatars_supersede(call->service, call->feed);
	store->ops->face_put(store, call->feed, NULL, call_removed, call);
}

void avatar_delete(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_MANAGE, "", delete_checked);
}
