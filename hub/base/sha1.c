#include <belfry/base/sha1.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define BLOCK 64

static uint32_t rotated(uint32_t v, unsigned by)
{
	return (v << by) | (v >> (32 - by));
}

static uint32_t read_be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void write_be32(unsigned char *p, uint32_t v)
{
	for (int i = 3; i >= 0; i--, v >>= 8)
		p[i] = (unsigned char)v;
}

/* The function and the constant of a round (FIPS 180-4, 4.1.1 and 4.2.1). */
static uint32_t mixed(int round, uint32_t b, uint32_t c, uint32_t d)
{
	switch (round / 20) {
	case 0:
		return ((b & c) | (~b & d)) + 0x5a827999u;
	case 1:
		return (b ^ c ^ d) + 0x6ed9eba1u;
	case 2:
		return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdcu;
	default:
		return (b ^ c ^ d) + 0xca62c1d6u;
	}
}

static void take_block(uint32_t h[5], const unsigned char *p)
{
	uint32_t w[80], v[5];

	for (int i = 0; i < 16; i++)
		w[i] = read_be32(p + 4 * i);
	for (int i = 16; i < 80; i++)
		w[i] = rotated(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	memcpy(v, h, sizeof v);
	for (int i = 0; i < 80; i++) {
		uint32_t next =
			rotated(v[0], 5) + mixed(i, v[1], v[2], v[3]) + v[4] + w[i];

		v[4] = v[3];
		v[3] = v[2];
		v[2] = rotated(v[1], 30);
		v[1] = v[0];
		v[0] = next;
	}
	for (int i = 0; i < 5; i++)
		h[i] += v[i];
}

void sha1(const void *data, size_t len, unsigned char out[SHA1_BYTES])
{
	uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
	const unsigned char *p = data;
	unsigned char last[2 * BLOCK] = {0};
	size_t rest = len % BLOCK;
	size_t size = rest < BLOCK - 8 ? BLOCK : 2 * BLOCK;

	for (size_t left = len; left >= BLOCK; left -= BLOCK, p += BLOCK)
		take_block(h, p);
	if (rest)
		memcpy(last, p, rest);
	last[rest] = 0x80;
	write_be32(last + size - 8, (uint32_t)((uint64_t)len >> 29));
	write_be32(last + size - 4, (uint32_t)(len << 3));
	for (size_t i = 0; i < size; i += BLOCK)
		take_block(h, last + i);
	for (int i = 0; i < 5; i++)
		write_be32(out + 4 * i, h[i]);
}

void sha1_hex(const void *data, size_t len, char out[SHA1_HEX_SIZE])
{
	unsigned char hash[SHA1_BYTES];

	sha1(data, len, hash);
	for (size_t i = 0; i < SHA1_BYTES; i++)
		snprintf(out + 2 * i, 3, "%02x", hash[i]);
}
