#include "problem.h"

#include <belfry/http/json.h>

void problem_write(struct buf *out, unsigned status, const char *type, const char *title,
		   const char *detail)
{
	buf_printf(out, "{\"type\":\"urn:belfry:problem:%s\"", type);
	json_add_member(out, "title", title);
	json_add_member_u64(out, "status", status);
	json_add_member(out, "detail", detail);
	buf_adds(out, "}\n");
}
