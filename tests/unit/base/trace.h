#ifndef TESTS_UNIT_BASE_TRACE_H
#define TESTS_UNIT_BASE_TRACE_H

#include <belfry/base/loop.h>

/* What the callbacks of a test did, in order: one letter each. */
extern char trace[64];
extern struct loop *loop;

void traced(char c);
/* A loop_cb: traces the letter that ARG points to. */
void trace_letter(void *arg);

/* Around each test: an empty trace, a loop that must have nothing left at the end. */
int trace_begin(void **state);
int trace_end(void **state);
#define looped(test) cmocka_unit_test_setup_teardown(test, trace_begin, trace_end)

#endif
