#include "trace.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

char trace[64];
struct loop *loop;

void traced(char c)
{
	size_t len = strlen(trace);

	assert_true(len + 1 < sizeof trace);
	trace[len] = c;
	trace[len + 1] = '\0';
}

void trace_letter(void *arg)
{
	traced(*(char *)arg);
}

int trace_begin(void **state)
{
	(void)state;
	memset(trace, 0, sizeof trace);
	loop = loop_create();
	return 0;
}

int trace_end(void **state)
{
	(void)state;
	loop_destroy(loop);
	return 0;
}
