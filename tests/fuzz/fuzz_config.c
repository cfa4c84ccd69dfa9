#include "check.h"

#include "core/config_table.h"

#include <string.h>

/* Files named in the input are other people's: only the text is fuzzed. */
static int names_a_file(const uint8_t *data, size_t size)
{
	return size && memmem(data, size, "_file", 5) != NULL;
}

static void check_config(const struct config *c)
{
	CHECK(c->http.listen.host && *c->http.listen.host);
	CHECK(c->xmpp.server.port != 0);
	CHECK(c->http.max_body_bytes >= 1024 && c->http.max_body_bytes <= 1048576);
	CHECK(c->redis.url && c->xmpp.trusted_domains);
	CHECK(!c->xmpp.domain || !strpbrk(c->xmpp.domain, "@/"));
	CHECK(c->work.lease_ms >= 500);
	CHECK(c->delivery.retry_first_ms > 0 && c->delivery.retry_tries > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf problems = {0}, warnings = {0};

	if (names_a_file(data, size) || size > 65536)
		return 0;
	struct config *c = config_load_text("b.ini", size ? (const char *)data : "", size,
					    NULL, &problems, &warnings);
	if (c) {
		CHECK(problems.len == 0);
		check_config(c);
	} else {
		CHECK(problems.len > 0 && problems.data[problems.len - 1] == '\n');
	}
	config_free(c);
	buf_free(&problems);
	buf_free(&warnings);
	return 0;
}
