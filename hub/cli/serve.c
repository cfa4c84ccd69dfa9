#include "cli.h"

#include <belfry/serve/serve.h>

static const char help[] =
	"Usage: belfry serve [-c FILE]\n"
	"\n"
	"Takes events over HTTP and stores them in Redis, where 'belfry work' finds them.\n"
	"Runs in the foreground until SIGTERM or SIGINT; then it finishes what is under\n"
	"way, within service.shutdown_ms. Logs go to stderr.\n"
	"\n"
	"It starts while Redis is away, and is ready (GET /readyz) once Redis answers. It\n"
	"does not start on a Redis that would lose events; 'belfry check' says what to do.\n"
	"\n"
	"Options:\n"
	"  -c, --config FILE  the configuration; default: the variable BELFRY_CONFIG, else\n"
	"                     /etc/belfry/belfry.ini if it exists. Each key can be set as a\n"
	"                     variable, too: http.listen is BELFRY_HTTP_LISTEN.\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit status: 0 stopped by a signal; 1 could not start; 2 wrong usage.\n"
	"\n"
	"Examples:\n"
	"  belfry serve -c /etc/belfry/belfry.ini\n"
	"  BELFRY_HTTP_LISTEN=127.0.0.1:8080 BELFRY_REDIS_URL=redis://127.0.0.1/0 belfry serve\n"
	"\n"
	"  curl -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \\\n"
	"       -d '{\"title\":\"Deployed 1.4.2\"}' http://127.0.0.1:8080/v1/feeds/deploys/events\n";

int cli_serve(int argc, char **argv)
{
	return cli_service(argc, argv, help, cli_config_load_for_store, serve_main);
}
