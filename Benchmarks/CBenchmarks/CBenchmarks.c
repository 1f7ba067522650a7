#define _GNU_SOURCE
#include "include/CBenchmarks.h"

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <sys/timerfd.h>
#include <unistd.h>

static _Thread_local uint64_t allocations;

// Counting malloc: these definitions stand before the C library's, which stays reachable under its internal names.
// Every allocation of the process passes here, Swift's and C's, so "0 allocations per event" is a count and not an
// estimate.
// A sanitizer brings a malloc of its own; then nothing is counted, which `MicroRun` notices.
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

void *malloc(size_t size) {
  allocations++;
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  allocations++;
  return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
  allocations++;
  return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
  allocations++;
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  allocations++;
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
  allocations++;
  void *memory = __libc_memalign(alignment, size);
  if (!memory) return ENOMEM;
  *result = memory;
  return 0;
}

#endif

uint64_t bench_allocation_count(void) { return allocations; }

int bench_run_on(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (processor >= 0) {
    CPU_SET(processor, &set);
  } else {
    for (int i = 0; i < CPU_SETSIZE; i++) CPU_SET(i, &set);
  }
  return sched_setaffinity(0, sizeof set, &set);
}

int bench_processor_count(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return CPU_COUNT(&set);
}

void bench_keep(uint64_t value) { __asm__ volatile("" : : "r"(value) : "memory"); }

int bench_ticks(uint64_t nanoseconds) {
  int descriptor = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (descriptor < 0) return -1;
  struct timespec each = {(time_t)(nanoseconds / 1000000000), (long)(nanoseconds % 1000000000)};
  struct itimerspec setting = {each, each};
  if (timerfd_settime(descriptor, 0, &setting, NULL) == 0) return descriptor;
  close(descriptor);
  return -1;
}

uint64_t bench_ticks_taken(int descriptor) {
  uint64_t count = 0;
  return read(descriptor, &count, sizeof count) == sizeof count ? count : 0;
}
