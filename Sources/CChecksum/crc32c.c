// CRC-32C by instruction or by table, and the combination of two checksums without their bytes.

#include "CChecksum.h"

#include <string.h>

// The polynomial of RFC 3720, appendix B.4, bits reversed.
#define POLYNOMIAL 0x82f63b78u

// Tables for eight bytes a step ("slicing by eight"), made on the first use. Two threads that make them at
// the same time write the same values, and `ready` is published only after them.
static uint32_t tables[8][256];
static int ready;

static void make_tables(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t value = byte;
        for (int bit = 0; bit < 8; bit++) value = value & 1 ? (value >> 1) ^ POLYNOMIAL : value >> 1;
        __atomic_store_n(&tables[0][byte], value, __ATOMIC_RELAXED);
    }
    for (uint32_t byte = 0; byte < 256; byte++) {
        for (int slice = 1; slice < 8; slice++) {
            uint32_t before = tables[slice - 1][byte];
            __atomic_store_n(&tables[slice][byte], (before >> 8) ^ tables[0][before & 0xff], __ATOMIC_RELAXED);
        }
    }
    __atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
}

uint32_t cchecksum_crc32c_portable(uint32_t checksum, const void *bytes, size_t count) {
    if (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE)) make_tables();
    const unsigned char *next = bytes;
    uint32_t value = ~checksum;
    while (count >= 8) {
        uint32_t low = value ^ ((uint32_t)next[0] | (uint32_t)next[1] << 8 | (uint32_t)next[2] << 16
                                | (uint32_t)next[3] << 24);
        value = tables[7][low & 0xff] ^ tables[6][(low >> 8) & 0xff] ^ tables[5][(low >> 16) & 0xff]
            ^ tables[4][low >> 24] ^ tables[3][next[4]] ^ tables[2][next[5]] ^ tables[1][next[6]]
            ^ tables[0][next[7]];
        next += 8;
        count -= 8;
    }
    while (count-- > 0) value = (value >> 8) ^ tables[0][(value ^ *next++) & 0xff];
    return ~value;
}

#if defined(__x86_64__)

#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t checksum, const void *bytes, size_t count) {
    const unsigned char *next = bytes;
    uint64_t value = (uint32_t)~checksum;
    while (count >= 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        value = _mm_crc32_u64(value, word);
        next += 8;
        count -= 8;
    }
    uint32_t narrow = (uint32_t)value;
    while (count-- > 0) narrow = _mm_crc32_u8(narrow, *next++);
    return ~narrow;
}

static int has_instruction(void) { return __builtin_cpu_supports("sse4.2") != 0; }

#elif defined(__aarch64__)

#include <arm_acle.h>
#include <sys/auxv.h>

__attribute__((target("+crc"))) static uint32_t by_instruction(uint32_t checksum, const void *bytes, size_t count) {
    const unsigned char *next = bytes;
    uint32_t value = ~checksum;
    while (count >= 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        value = __builtin_arm_crc32cd(value, word);
        next += 8;
        count -= 8;
    }
    while (count-- > 0) value = __builtin_arm_crc32cb(value, *next++);
    return ~value;
}

// HWCAP_CRC32 of the kernel's arm64 interface.
static int has_instruction(void) { return (getauxval(AT_HWCAP) & (1ul << 7)) != 0; }

#else

static uint32_t by_instruction(uint32_t checksum, const void *bytes, size_t count) {
    return cchecksum_crc32c_portable(checksum, bytes, count);
}

static int has_instruction(void) { return 0; }

#endif

uint32_t cchecksum_crc32c(uint32_t checksum, const void *bytes, size_t count) {
    if (count == 0) return checksum;
    return has_instruction() ? by_instruction(checksum, bytes, count)
                             : cchecksum_crc32c_portable(checksum, bytes, count);
}

// The product of two polynomials modulo the CRC's polynomial, bits reversed; `left` is not zero.
static uint32_t multiply(uint32_t left, uint32_t right) {
    uint32_t mask = 1u << 31;
    uint32_t product = 0;
    for (;;) {
        if (left & mask) {
            product ^= right;
            if ((left & (mask - 1)) == 0) return product;
        }
        mask >>= 1;
        right = right & 1 ? (right >> 1) ^ POLYNOMIAL : right >> 1;
    }
}

uint32_t cchecksum_crc32c_combine(uint32_t first, uint32_t second, uint64_t second_length) {
    // `first` is moved past the second run: multiplied by x to the power of its length in bits.
    uint32_t power = 1u << 31;   // x^0
    uint32_t square = 1u << 23;  // x^8, one byte
    while (second_length > 0) {
        if (second_length & 1) power = multiply(square, power);
        square = multiply(square, square);
        second_length >>= 1;
    }
    return multiply(power, first) ^ second;
}
