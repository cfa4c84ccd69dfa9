#include "cli.h"

#include <belfry/work/work.h>

static const char help[] =
	"Usage: belfry work [-c FILE]\n"
	"\n"
	"Delivers what 'belfry serve' stored to its followers over XMPP, and answers those who\n"
	"write to the hub. Connects to xmpp.server as the external component xmpp.domain\n"
	"(XEP-0114), and again, for ever, when the connection is lost. Of several workers of\n"
	"one name one connects; the others stand by and take over when it is gone.\n"
	"Runs in the foreground until SIGTERM or SIGINT. Logs go to stderr.\n"
	"\n"
	"Options:\n"
	"  -c, --config FILE  the configuration; default: the variable BELFRY_CONFIG, else\n"
	"                     /etc/belfry/belfry.ini if it exists\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit status: 0 stopped by a signal; 1 could not start; 2 wrong usage.\n"
	"\n"
	"Examples:\n"
	"  belfry check && belfry work\n"
	"  belfry work -c /etc/belfry/belfry.ini\n";

int cli_work(int argc, char **argv)
{
	return cli_service(argc, argv, help, cli_config_load, work_main);
}
