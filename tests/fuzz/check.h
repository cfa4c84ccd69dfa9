#ifndef BELFRY_TESTS_FUZZ_CHECK_H
#define BELFRY_TESTS_FUZZ_CHECK_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold for whatever came in; the fuzzer keeps the input that broke it. */
#define CHECK(what)                                                                      \
	do {                                                                             \
		if (!(what)) {                                                           \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what);       \
			abort();                                                         \
		}                                                                        \
	} while (0)

#endif
