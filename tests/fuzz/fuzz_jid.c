#include "../unit/core/xml_check.h"
#include "check.h"

#include <belfry/base/buf.h>
#include <belfry/base/text.h>
#include <belfry/core/jid.h>

#include <stdbool.h>
#include <string.h>

/* The parts make the whole again. */
static void check_parts(const char *jid)
{
	char *bare = jid_bare(jid), *local = jid_local(jid);
	size_t len, bare_len = jid_bare_len(jid);
	const char *domain = jid_domain(jid, &len);

	CHECK(len > 0 && domain + len == jid + bare_len);
	CHECK(strlen(bare) == bare_len && memcmp(bare, jid, bare_len) == 0);
	CHECK(!local || (*local && strlen(local) + 1 + len == bare_len));
	CHECK(local || domain == jid);
	CHECK(jid_has_resource(jid) == (jid[bare_len] == '/'));
	CHECK(!jid_has_resource(jid) || jid[bare_len + 1]);
	CHECK(jid_matches(jid, bare));
	char *domain_text = strndup(domain, len);
	CHECK(jid_matches(jid, domain_text));
	free(domain_text);
	free(bare);
	free(local);
}

/* A stanza can carry it, and it says the same there. */
static void check_xml(const char *jid)
{
	struct buf xml = {0};

	buf_adds(&xml, "<a to='");
	xml_escape(&xml, jid, strlen(jid));
	buf_adds(&xml, "'/>");
	CHECK(xml_check(xml.data, xml.len) == NULL);
	char *to = xml_attribute(xml.data, "to");
	CHECK(strcmp(to, jid) == 0);
	free(to);
	buf_free(&xml);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *why = NULL;
	char *jid = jid_normalize((const char *)data, size, &why);

	CHECK(jid ? !why : why && *why);
	if (jid) {
		size_t len = strlen(jid);
		CHECK(len > 0 && len <= JID_MAX && utf8_valid(jid, len));
		check_parts(jid);
		check_xml(jid);
		char *again = jid_normalize(jid, len, &why);
		CHECK(again && strcmp(again, jid) == 0);
		free(again);
	}
	free(jid);
	return 0;
}
