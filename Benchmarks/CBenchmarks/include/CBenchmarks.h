// What the harness needs of the kernel and of malloc and Swift cannot say.
#ifndef SLUICE_CBENCHMARKS_H
#define SLUICE_CBENCHMARKS_H

#include <stdint.h>

/// How often the calling thread has asked malloc and its kin for memory since it started.
uint64_t bench_allocation_count(void);

/// Lets the calling thread, and what it spawns from now on, run on `processor` only; -1 allows all again.
/// Returns 0 or -1 with errno.
int bench_run_on(int processor);

/// How many processors this process may use.
int bench_processor_count(void);

/// From now on every `send` of this process writes the time into the eight hexadecimal digits of the first chunk's
/// `"system_fingerprint":"fp_…"`: microseconds of the monotonic clock, modulo 2^32.
void bench_stamp_sends(void);

/// A descriptor that becomes readable every so many nanoseconds; -1 with errno.
int bench_ticks(uint64_t nanoseconds);

/// Ticks since the last call; 0 when there was none.
uint64_t bench_ticks_taken(int descriptor);

/// Hides a value from the optimiser, so that work whose result nobody reads is still done.
void bench_keep(uint64_t value);

#endif
