// The bare system calls of DiskCalls.h.

#define _GNU_SOURCE
#include "DiskCalls.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/uio.h>

int csystem_openat(int directory, const char *name, int flags, mode_t mode) {
    return openat(directory, name, flags, mode);
}

ssize_t csystem_pread_nowait(int descriptor, void *bytes, size_t count, off_t offset) {
#ifdef RWF_NOWAIT
    struct iovec piece = {.iov_base = bytes, .iov_len = count};
    return preadv2(descriptor, &piece, 1, offset, RWF_NOWAIT);
#else
    errno = EOPNOTSUPP;
    return -1;
#endif
}

int csystem_fallocate_keep_size(int descriptor, off_t offset, off_t length) {
    return fallocate(descriptor, FALLOC_FL_KEEP_SIZE, offset, length);
}

int csystem_fallocate_punch_hole(int descriptor, off_t offset, off_t length) {
#ifdef FALLOC_FL_PUNCH_HOLE
    return fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
#else
    (void)descriptor, (void)offset, (void)length;
    errno = EOPNOTSUPP;
    return -1;
#endif
}

int csystem_lock_exclusively(int descriptor) { return flock(descriptor, LOCK_EX | LOCK_NB); }

void csystem_name_thread(const char *name) {
    char cut[16];
    snprintf(cut, sizeof cut, "%s", name);
    pthread_setname_np(pthread_self(), cut);
}
