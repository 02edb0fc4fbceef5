/*
 * aiconvai -- voice AI for Asterisk
 * SPDX-License-Identifier: GPL-2.0-only
 *
 * Both ways go by tables that hold the work of several steps, made by the compiler: two characters for each 12 bits
 * when encoding, and when decoding for each place in a group of four a character's bits, where they belong in the three
 * bytes.
 */
#include "base64.h"

#include "byte_table.h"

#include <string.h>

/* clang-format off */
#define PAIRS(c) \
	{(c), 'A'}, {(c), 'B'}, {(c), 'C'}, {(c), 'D'}, {(c), 'E'}, {(c), 'F'}, {(c), 'G'}, {(c), 'H'}, \
	{(c), 'I'}, {(c), 'J'}, {(c), 'K'}, {(c), 'L'}, {(c), 'M'}, {(c), 'N'}, {(c), 'O'}, {(c), 'P'}, \
	{(c), 'Q'}, {(c), 'R'}, {(c), 'S'}, {(c), 'T'}, {(c), 'U'}, {(c), 'V'}, {(c), 'W'}, {(c), 'X'}, \
	{(c), 'Y'}, {(c), 'Z'}, {(c), 'a'}, {(c), 'b'}, {(c), 'c'}, {(c), 'd'}, {(c), 'e'}, {(c), 'f'}, \
	{(c), 'g'}, {(c), 'h'}, {(c), 'i'}, {(c), 'j'}, {(c), 'k'}, {(c), 'l'}, {(c), 'm'}, {(c), 'n'}, \
	{(c), 'o'}, {(c), 'p'}, {(c), 'q'}, {(c), 'r'}, {(c), 's'}, {(c), 't'}, {(c), 'u'}, {(c), 'v'}, \
	{(c), 'w'}, {(c), 'x'}, {(c), 'y'}, {(c), 'z'}, {(c), '0'}, {(c), '1'}, {(c), '2'}, {(c), '3'}, \
	{(c), '4'}, {(c), '5'}, {(c), '6'}, {(c), '7'}, {(c), '8'}, {(c), '9'}, {(c), '+'}, {(c), '/'}

static const char pairs[4096][2] = {
	PAIRS('A'), PAIRS('B'), PAIRS('C'), PAIRS('D'), PAIRS('E'), PAIRS('F'), PAIRS('G'), PAIRS('H'),
	PAIRS('I'), PAIRS('J'), PAIRS('K'), PAIRS('L'), PAIRS('M'), PAIRS('N'), PAIRS('O'), PAIRS('P'),
	PAIRS('Q'), PAIRS('R'), PAIRS('S'), PAIRS('T'), PAIRS('U'), PAIRS('V'), PAIRS('W'), PAIRS('X'),
	PAIRS('Y'), PAIRS('Z'), PAIRS('a'), PAIRS('b'), PAIRS('c'), PAIRS('d'), PAIRS('e'), PAIRS('f'),
	PAIRS('g'), PAIRS('h'), PAIRS('i'), PAIRS('j'), PAIRS('k'), PAIRS('l'), PAIRS('m'), PAIRS('n'),
	PAIRS('o'), PAIRS('p'), PAIRS('q'), PAIRS('r'), PAIRS('s'), PAIRS('t'), PAIRS('u'), PAIRS('v'),
	PAIRS('w'), PAIRS('x'), PAIRS('y'), PAIRS('z'), PAIRS('0'), PAIRS('1'), PAIRS('2'), PAIRS('3'),
	PAIRS('4'), PAIRS('5'), PAIRS('6'), PAIRS('7'), PAIRS('8'), PAIRS('9'), PAIRS('+'), PAIRS('/'),
};
/* clang-format on */

/* A character outside the alphabet: a bit no other entry has, so that one OR over a group finds it. */
#define BAD UINT32_C(0x80000000)

#define IN_ALPHABET(c) (((c) >= 'A' && (c) <= 'Z') || ((c) >= 'a' && (c) <= 'z') || ((c) >= '0' && (c) <= '9') \
	|| (c) == '+' || (c) == '/')
#define LETTER_VALUE(c) ((c) >= 'a' ? (c) - 'a' + 26 : (c) - 'A')
#define OTHER_VALUE(c) ((c) == '+' ? 62 : (c) == '/' ? 63 : (c) - '0' + 52)
#define VALUE(c) ((c) >= 'A' ? LETTER_VALUE(c) : OTHER_VALUE(c))

/* The character's six bits in a number whose lowest byte is the first of the three. */
#define FIRST(c) (IN_ALPHABET(c) ? (uint32_t) VALUE(c) << 2 : BAD)
#define SECOND(c) (IN_ALPHABET(c) ? (uint32_t) VALUE(c) >> 4 | ((uint32_t) VALUE(c) & 15) << 12 : BAD)
#define THIRD(c) (IN_ALPHABET(c) ? (uint32_t) VALUE(c) >> 2 << 8 | ((uint32_t) VALUE(c) & 3) << 22 : BAD)
#define FOURTH(c) (IN_ALPHABET(c) ? (uint32_t) VALUE(c) << 16 : BAD)

static const uint32_t first[256] = AIC_BYTE_TABLE(FIRST);
static const uint32_t second[256] = AIC_BYTE_TABLE(SECOND);
static const uint32_t third[256] = AIC_BYTE_TABLE(THIRD);
static const uint32_t fourth[256] = AIC_BYTE_TABLE(FOURTH);

/* Eight bytes as a number, the first one on top. */
static inline uint64_t read_eight(const uint8_t *in)
{
	return (uint64_t) in[0] << 56 | (uint64_t) in[1] << 48 | (uint64_t) in[2] << 40 | (uint64_t) in[3] << 32
		| (uint64_t) in[4] << 24 | (uint64_t) in[5] << 16 | (uint64_t) in[6] << 8 | in[7];
}

size_t aic_base64_encode(const uint8_t *in, size_t length, char *out)
{
	char *start = out;

	/* Six of the eight bytes read are used: one read is cheaper than six. */
	for (; length >= 8; length -= 6, in += 6, out += 8) {
		uint64_t group = read_eight(in);

		memcpy(out, pairs[group >> 52], 2);
		memcpy(out + 2, pairs[(group >> 40) & 0xfff], 2);
		memcpy(out + 4, pairs[(group >> 28) & 0xfff], 2);
		memcpy(out + 6, pairs[(group >> 16) & 0xfff], 2);
	}
	for (; length >= 3; length -= 3, in += 3, out += 4) {
		uint32_t group = (uint32_t) in[0] << 16 | (uint32_t) in[1] << 8 | in[2];

		memcpy(out, pairs[group >> 12], 2);
		memcpy(out + 2, pairs[group & 0xfff], 2);
	}
	if (length) {
		uint32_t group = (uint32_t) in[0] << 16 | (length == 2 ? (uint32_t) in[1] << 8 : 0);

		memcpy(out, pairs[group >> 12], 2);
		out[2] = length == 2 ? pairs[group & 0xfff][0] : '=';
		out[3] = '=';
		out += 4;
	}
	return (size_t) (out - start);
}

/*
 * The three bytes of a group of four characters, the first one lowest; BAD is set where a character is not of the
 * alphabet.
 */
static inline uint32_t group_of(const uint8_t *c)
{
	return first[c[0]] | second[c[1]] | third[c[2]] | fourth[c[3]];
}

static inline void write_group(uint8_t *out, uint32_t group)
{
	out[0] = (uint8_t) group;
	out[1] = (uint8_t) (group >> 8);
	out[2] = (uint8_t) (group >> 16);
}

/*
 * Decodes groups of four, up to the first one that has another character than those of the alphabet. Returns the bytes
 * written.
 */
static size_t decode_groups(const uint8_t *c, size_t length, uint8_t *out)
{
	const uint8_t *end = c + length / 8 * 8;
	uint8_t *start = out;

	/* By twos, which costs less than one by one. */
	for (; c != end; c += 8, out += 6) {
		uint32_t group = group_of(c), next = group_of(c + 4);
		uint64_t groups = group | (uint64_t) next << 24;

		if ((group | next) & BAD) {
			break;
		}
		out[0] = (uint8_t) groups;
		out[1] = (uint8_t) (groups >> 8);
		out[2] = (uint8_t) (groups >> 16);
		out[3] = (uint8_t) (groups >> 24);
		groups >>= 32;
		out[4] = (uint8_t) groups;
		out[5] = (uint8_t) (groups >> 8);
	}
	length -= (size_t) (out - start) / 6 * 8;
	for (; length >= 4; length -= 4, c += 4, out += 3) {
		uint32_t group = group_of(c);

		if (group & BAD) {
			break;
		}
		write_group(out, group);
	}
	return (size_t) (out - start);
}

size_t aic_base64_decoder_take(struct aic_base64_decoder *decoder, const char *in, size_t length, uint8_t *out,
	size_t *taken)
{
	const uint8_t *c = (const uint8_t *) in;
	size_t at = 0, written = 0;

	for (;;) {
		if (!decoder->kept_count) {
			size_t decoded = decode_groups(c + at, length - at, out + written);

			written += decoded;
			at += decoded / 3 * 4;
		}
		if (at == length || first[c[at]] == BAD) {
			break;
		}
		decoder->kept[decoder->kept_count++] = (char) c[at++];
		if (decoder->kept_count == sizeof(decoder->kept)) {
			write_group(out + written, group_of((const uint8_t *) decoder->kept));
			written += 3;
			decoder->kept_count = 0;
		}
	}
	*taken = at;
	return written;
}

ssize_t aic_base64_decoder_end(struct aic_base64_decoder *decoder, const char *in, size_t length, uint8_t *out)
{
	size_t kept = decoder->kept_count, missing = kept ? sizeof(decoder->kept) - kept : 0;
	uint8_t bytes[3];

	decoder->kept_count = 0;
	/* Padding belongs only where it completes a group of four; one character alone is less than a byte. */
	if (kept == 1 || (length && (length != missing || memcmp(in, "==", length)))) {
		return -1;
	}
	if (!kept) {
		return 0;
	}
	memset(decoder->kept + kept, 'A', missing);
	write_group(bytes, group_of((const uint8_t *) decoder->kept));
	memcpy(out, bytes, kept - 1);
	return (ssize_t) kept - 1;
}

ssize_t aic_base64_decode(const char *in, size_t length, uint8_t *out)
{
	struct aic_base64_decoder decoder = {.kept_count = 0};
	size_t taken, written = aic_base64_decoder_take(&decoder, in, length, out, &taken);
	ssize_t last = aic_base64_decoder_end(&decoder, in + taken, length - taken, out + written);

	return last < 0 ? -1 : (ssize_t) written + last;
}
