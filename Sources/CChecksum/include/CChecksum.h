// CRC-32C (Castagnoli), as hardening 2.2 item 2 wants it for the pieces of bodies: with the processor's own
// instruction where it has one, with a table elsewhere. The only thing this target knows is arithmetic.
#ifndef CCHECKSUM_H
#define CCHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/// Continues `checksum` (0 to begin) over `count` bytes.
uint32_t cchecksum_crc32c(uint32_t checksum, const void *bytes, size_t count);

/// The same by table, whatever the processor can do. For the tests and for processors without the instruction.
uint32_t cchecksum_crc32c_portable(uint32_t checksum, const void *bytes, size_t count);

/// The checksum of two runs of bytes, one after the other, from the checksum of each and the length of the second.
uint32_t cchecksum_crc32c_combine(uint32_t first, uint32_t second, uint64_t second_length);

#endif
