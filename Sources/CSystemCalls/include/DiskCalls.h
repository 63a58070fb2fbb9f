// System calls of the disk that Swift cannot reach by itself: variadic ones, and those that Glibc's module
// leaves out. Each is the bare call; retrying and judging errno is the caller's work.
#ifndef CSYSTEMCALLS_DISK_H
#define CSYSTEMCALLS_DISK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// openat(2) with its mode.
int csystem_openat(int directory, const char *name, int flags, mode_t mode);

/// preadv2(2) with RWF_NOWAIT: reads only what is in the page cache; -1 and EAGAIN where that is nothing.
ssize_t csystem_pread_nowait(int descriptor, void *bytes, size_t count, off_t offset);

/// fallocate(2) with FALLOC_FL_KEEP_SIZE.
int csystem_fallocate_keep_size(int descriptor, off_t offset, off_t length);

/// fallocate(2) with FALLOC_FL_PUNCH_HOLE: gives blocks back; -1 and EOPNOTSUPP where the system has no such call.
int csystem_fallocate_punch_hole(int descriptor, off_t offset, off_t length);

/// flock(2), exclusive, without waiting.
int csystem_lock_exclusively(int descriptor);

/// Names the calling thread, for the debugger; cut to the 15 bytes that the kernel keeps.
void csystem_name_thread(const char *name);

#endif
