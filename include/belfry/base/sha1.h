#ifndef BELFRY_BASE_SHA1_H
#define BELFRY_BASE_SHA1_H

#include <stddef.h>

#define SHA1_BYTES 20
#define SHA1_HEX_SIZE 41 /* with its NUL */

/*
 * SHA-1 (FIPS 180-4), which XMPP names things by: avatars (XEP-0084, XEP-0153). Not for
 * secrets.
 */
void sha1(const void *data, size_t len, unsigned char out[SHA1_BYTES]);
/* The same in lower-case hexadecimal digits. */
void sha1_hex(const void *data, size_t len, char out[SHA1_HEX_SIZE]);

#endif
