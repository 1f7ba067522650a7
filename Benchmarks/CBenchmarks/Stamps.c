#define _GNU_SOURCE
#include "include/CBenchmarks.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>

// A send that writes the time into what it sends. It stands before the C library's in this executable, so the
// simulator in the upstream process calls it without knowing; the load process reads the time out again. The place is
// the fingerprint that every chunk bears and no client looks at, so the bytes' number and shape stay as they are.

static const char field[] = "\"system_fingerprint\":\"fp_";
enum { digits = 8, stamped_bytes_max = 4096 };

static int stamps;

void bench_stamp_sends(void) { stamps = 1; }

static uint32_t microseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint32_t)((uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u);
}

ssize_t send(int descriptor, const void *bytes, size_t count, int flags) {
  if (stamps && count <= stamped_bytes_max) {
    const char *found = memmem(bytes, count, field, sizeof field - 1);
    size_t start = found ? (size_t)(found - (const char *)bytes) + sizeof field - 1 : 0;
    if (found && start + digits < count && found[sizeof field - 1 + digits] == '"') {
      char copy[stamped_bytes_max];
      memcpy(copy, bytes, count);
      uint32_t now = microseconds();
      for (int i = 0; i < digits; i++) copy[start + i] = "0123456789abcdef"[now >> (28 - 4 * i) & 15];
      return sendto(descriptor, copy, count, flags, NULL, 0);
    }
  }
  return sendto(descriptor, bytes, count, flags, NULL, 0);
}
