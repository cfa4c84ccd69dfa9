#ifndef BELFRY_BASE_RANDOM_H
#define BELFRY_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* From the kernel, by libsodium: fit for tokens. */
void random_fill(void *out, size_t len);
/* Uniform in [0, bound); 0 if bound is 0. */
uint32_t random_below(uint32_t bound);
/* 2 * bytes hexadecimal digits and a NUL; out has room for them. bytes <= 64. */
void random_hex(char *out, size_t bytes);

#endif
