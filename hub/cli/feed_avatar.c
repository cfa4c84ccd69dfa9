#include "feed.h"

#include <belfry/base/buf.h>
#include <belfry/core/image.h>
#include <belfry/serve/face.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NAME "feed avatar"
#define DRAW_MS 15000 /* more than drawing an SVG may take */

static const char help[] =
	"Usage: belfry feed avatar FEED FILE [-c FILE]\n"
	"       belfry feed avatar FEED --remove [-c FILE]\n"
	"\n"
	"Sets the picture by which a feed is known in the contact lists of those who follow\n"
	"it. FILE is a PNG of at most 65536 bytes and 512 pixels a side, of which is kept what\n"
	"is needed to show it; or an SVG, which is drawn as a PNG of 192 x 192 pixels by\n"
	"rsvg-convert (Debian: librsvg2-bin). '-': from stdin. A running worker tells the\n"
	"followers by itself.\n"
	"\n"
	"Options:\n"
	"  -r, --remove        the feed has no picture any more\n"
	"  -c, --config FILE   the configuration; default: the variable BELFRY_CONFIG, else\n"
	"                      /etc/belfry/belfry.ini if it exists\n"
	"  -h, --help          this text\n"
	"\n"
	"Prints the SHA-1 that the picture goes by in XMPP.\n"
	"\n"
	"Exit status: 0 done; 1 there is no such feed, Redis is away, or the image cannot be\n"
	"used: stderr says why; 2 wrong usage.\n"
	"\n"
	"Examples:\n"
	"  belfry feed avatar deploys rocket.png\n"
	"  belfry feed avatar deploys - <rocket.svg\n"
	"  belfry feed avatar deploys --remove\n";

struct avatar_args {
	struct cli_options common;
	const char *feed, *path; /* path NULL: remove */
};

/* -1 goes on, else the exit status. */
static int parse(struct avatar_args *args, int argc, char **argv)
{
	static const struct option longs[] = {
		CLI_LONG, {"remove", no_argument, NULL, 'r'}, {0}};
	bool remove = false;
	int opt;

	while ((opt = getopt_long(argc, argv, CLI_SHORT "r", longs, NULL)) != -1) {
		if (opt == 'r') {
			remove = true;
			continue;
		}
		int status = cli_option(&args->common, opt, NAME, help);
		if (status >= 0)
			return status;
	}
	if (argc - optind != (remove ? 1 : 2))
		return cli_usage(NAME, "name one feed, and one FILE or --remove");
	args->feed = argv[optind];
	args->path = remove ? NULL : argv[optind + 1];
	return -1;
}

/* No more of it than is needed to see that it is too large. */
static int read_file(const char *path, struct buf *out)
{
	bool from_stdin = !strcmp(path, "-");
	FILE *f = from_stdin ? stdin : fopen(path, "rb");

	if (f) {
		buf_reserve(out, IMAGE_BYTES_MAX + 1);
		out->len = fread(out->data, 1, IMAGE_BYTES_MAX + 1, f);
	}
	int bad = !f || ferror(f) ? -1 : 0;
	if (bad) {
		buf_free(out);
		fprintf(stderr, "belfry " NAME ": %s: %s\n", path, strerror(errno));
	}
	if (f && !from_stdin)
		fclose(f);
	return bad;
}

struct storing {
	struct feed_outcome outcome; /* first: on_feed_done()'s */
	struct feed_target *target;
	struct face_job *job;
	bool looked_at, refused;
	char sha1[41];
};

static void on_face(void *arg, enum face_end end, const struct store_face *face,
		    const char *why)
{
	struct storing *s = arg;
	struct store *store = s->target->session.store;

	s->job = NULL;
	s->looked_at = true;
	if (end == FACE_GOOD) {
		snprintf(s->sha1, sizeof s->sha1, "%s", face->sha1);
		store->ops->face_put(store, s->target->name, face, on_feed_done, s);
		return;
	}
	fprintf(stderr, "belfry " NAME ": %s\n", why);
	s->refused = true;
}

static void start(struct storing *s, const struct buf *image)
{
	struct feed_target *t = s->target;
	struct store *store = t->session.store;

	if (image)
		s->job =
			face_make(t->session.loop, !image_is_png(image->data, image->len),
				  image->data, image->len, DRAW_MS, on_face, s);
	else
		store->ops->face_put(store, t->name, NULL, on_feed_done, s);
}

static int finish(struct storing *s)
{
	struct feed_target *t = s->target;

	if (s->job)
		session_wait(&t->session, &s->looked_at, DRAW_MS);
	face_job_destroy(s->job);
	int status = s->refused ? CLI_FAILED : feed_wait(t, NAME, &s->outcome);
	if (!status && s->sha1[0])
		puts(s->sha1);
	return status;
}

static int store_it(const struct avatar_args *args, const struct buf *image)
{
	struct feed_target target;
	struct storing s = {.target = &target};
	int status = feed_open(&target, &args->common, NAME, args->feed);

	if (status)
		return status;
	start(&s, image);
	status = finish(&s);
	feed_close(&target);
	return status;
}

int feed_avatar(struct cli_options *common, int argc, char **argv)
{
	struct avatar_args args = {.common = *common};
	struct buf image = {0};
	int status = parse(&args, argc, argv);

	if (status >= 0)
		return status;
	if (args.path && read_file(args.path, &image) < 0)
		return CLI_FAILED;
	status = store_it(&args, args.path ? &image : NULL);
	buf_free(&image);
	return status;
}
