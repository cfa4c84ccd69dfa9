#include "feed.h"

#include <belfry/base/buf.h>
#include <belfry/base/text.h>
#include <belfry/core/join_link.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NAME "feed link"

static const char help[] =
	"Usage: belfry feed link FEED [--pubsub] [--qr[=STYLE]] [--png FILE] [--svg FILE]\n"
	"                             [--scale N] [-c FILE]\n"
	"\n"
	"Prints the link (RFC 5122) by which people follow a feed: an XMPP client that opens it\n"
	"offers to add the feed as a contact, under its title. To be put on a web page, into a\n"
	"mail, or as a QR code where a phone can see it. Whom the feed lets in is for its\n"
	"'access' to say; a link opens nothing.\n"
	"\n"
	"Options:\n"
	"  -p, --pubsub        the link for clients that read pubsub nodes (XEP-0060)\n"
	"  -q, --qr[=STYLE]    the QR code, too, for a terminal that shows UTF-8. STYLE:\n"
	"                      color  black on white, by colours that it sets itself, so that\n"
	"                             it can be read on dark and on light terminals (default)\n"
	"                      light  without colours, for terminals that write dark on light\n"
	"                      dark   without colours, for those that write light on dark\n"
	"      --png FILE      writes the QR code as a picture; '-': to stdout, without the link\n"
	"      --svg FILE      the same as a drawing\n"
	"      --scale N       pixels of a module, the smallest square of the code: 1 to 16;\n"
	"                      default: 8\n"
	"  -c, --config FILE   the configuration; default: the variable BELFRY_CONFIG, else\n"
	"                      /etc/belfry/belfry.ini if it exists\n"
	"  -h, --help          this text\n"
	"\n"
	"Needs xmpp.domain and Redis, as the feed must be there; the file with the XMPP\n"
	"server's secret is not read. The code has the light border of four modules that\n"
	"readers ask for, and can be read with 15 % of it missing. Of a long title the link\n"
	"has the first 96 bytes.\n"
	"\n"
	"Exit status: 0 done; 1 there is no such feed, Redis is away, or FILE cannot be\n"
	"written; 2 wrong usage.\n"
	"\n"
	"Examples:\n"
	"  belfry feed link deploys --qr\n"
	"  belfry feed link deploys --pubsub --svg deploys.svg\n"
	"  ssh hub.example.org belfry feed link deploys --png - >deploys.png\n";

/* Options without a letter. */
enum { OPT_PNG = 256, OPT_SVG, OPT_SCALE };

struct link_args {
	struct cli_options common;
	const char *feed, *png, *svg;
	enum join_link kind;
	enum qr_style style;
	bool show;
	unsigned scale;
};

static int take_style(struct link_args *args, const char *word)
{
	args->show = true;
	if (!word || !qr_style_parse(word, &args->style))
		return -1;
	return cli_usage(NAME, "--qr is color, light or dark: --qr=light");
}

static int take_scale(struct link_args *args, const char *text)
{
	uint64_t n;

	if (parse_u64(text, strlen(text), QR_SCALE_MAX, &n) || !n)
		return cli_usage(NAME, "--scale is a number from 1 to %d", QR_SCALE_MAX);
	args->scale = (unsigned)n;
	return -1;
}

/* An option: -1 goes on, else the exit status. */
static int take(struct link_args *args, int opt)
{
	switch (opt) {
	case 'p':
		args->kind = JOIN_PUBSUB;
		return -1;
	case 'q':
		return take_style(args, optarg);
	case OPT_PNG:
		args->png = optarg;
		return -1;
	case OPT_SVG:
		args->svg = optarg;
		return -1;
	case OPT_SCALE:
		return take_scale(args, optarg);
	default:
		return cli_option(&args->common, opt, NAME, help);
	}
}

static bool to_stdout(const char *path)
{
	return path && !strcmp(path, "-");
}

/* -1 goes on, else the exit status. */
static int parse(struct link_args *args, int argc, char **argv)
{
	static const struct option longs[] = {
		CLI_LONG,
		{"pubsub", no_argument, NULL, 'p'},
		{"qr", optional_argument, NULL, 'q'},
		{"png", required_argument, NULL, OPT_PNG},
		{"svg", required_argument, NULL, OPT_SVG},
		{"scale", required_argument, NULL, OPT_SCALE},
		{0}};
	int opt, status = -1;

	while (status < 0 &&
	       (opt = getopt_long(argc, argv, CLI_SHORT "pq::", longs, NULL)) != -1)
		status = take(args, opt);
	if (status >= 0)
		return status;
	if (argc - optind != 1)
		return cli_usage(NAME, "name one feed");
	if ((to_stdout(args->png) && to_stdout(args->svg)) ||
	    ((to_stdout(args->png) || to_stdout(args->svg)) && args->show))
		return cli_usage(NAME, "only one thing can go to stdout");
	args->feed = argv[optind];
	return -1;
}

static int write_file(const char *path, const struct buf *data)
{
	FILE *f = to_stdout(path) ? stdout : fopen(path, "wb");
	bool written = f && fwrite(data->data, 1, data->len, f) == data->len;

	if (f && (f == stdout ? fflush(f) : fclose(f)))
		written = false;
	if (written)
		return CLI_OK;
	fprintf(stderr, "belfry " NAME ": %s: %s\n", path, strerror(errno));
	return CLI_FAILED;
}

/* A code whose lines are broken cannot be read. */
static void check_width(const struct qr *q)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col ||
	    size.ws_col >= qr_side(q))
		return;
	fprintf(stderr,
		"belfry " NAME
		": the code is %u columns wide and this terminal %u: widen "
		"it, or use --png\n",
		qr_side(q), size.ws_col);
}

static int write_code(const struct link_args *args, const struct qr *q, const char *link)
{
	struct buf out = {0};
	int status = CLI_OK;

	if (args->show) {
		check_width(q);
		qr_text(&out, q, args->style);
		status = write_file("-", &out);
		buf_clear(&out);
	}
	if (!status && args->png) {
		qr_png(&out, q, args->scale);
		status = write_file(args->png, &out);
		buf_clear(&out);
	}
	if (!status && args->svg) {
		qr_svg(&out, q, args->scale, link);
		status = write_file(args->svg, &out);
	}
	buf_free(&out);
	return status;
}

/* The code of the link that was printed. */
static int make_code(const struct link_args *args, const struct join_feed *feed,
		     const char *link)
{
	struct buf coded = {0};
	struct qr *q = join_link_qr(&coded, args->kind, feed);
	int status = CLI_FAILED;

	if (!q)
		fputs("belfry " NAME ": the link is too long for a QR code\n", stderr);
	else
		status = write_code(args, q, coded.data);
	if (q && strcmp(coded.data, link) != 0)
		fputs("belfry " NAME ": the QR code has no room for the title, and is of "
		      "the link without it\n",
		      stderr);
	qr_destroy(q);
	buf_free(&coded);
	return status;
}

static int print_link(const struct link_args *args, const struct join_feed *feed)
{
	struct buf link = {0};
	int status = CLI_OK;

	join_link(&link, args->kind, feed);
	if (!to_stdout(args->png) && !to_stdout(args->svg))
		puts(link.data);
	if (args->show || args->png || args->svg)
		status = make_code(args, feed, link.data);
	buf_free(&link);
	return status;
}

int feed_link(struct cli_options *common, int argc, char **argv)
{
	struct link_args args = {.common = *common, .scale = QR_SCALE, .style = QR_COLOR};
	struct feed_target target;
	int status = parse(&args, argc, argv);

	if (status >= 0)
		return status;
	status = feed_open(&target, &args.common, NAME, args.feed);
	if (status)
		return status;
	const struct join_feed feed = {args.feed, target.config->xmpp.domain,
				       target.feed.title};
	if (feed.domain) {
		status = print_link(&args, &feed);
	} else {
		fputs("belfry " NAME ": xmpp.domain is not set: the link needs the "
		      "component's name, such as feeds.example.org\n",
		      stderr);
		status = CLI_FAILED;
	}
	feed_close(&target);
	return status;
}
