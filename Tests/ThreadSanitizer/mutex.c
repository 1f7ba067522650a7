// Tells ThreadSanitizer what Swift's Mutex does when threads contend for it.
//
// On Linux the uncontended paths of Synchronization.Mutex are compiled into their callers, where the sanitizer sees them. The
// contended ones are in libswiftSynchronization.so, which is not instrumented: every contended Mutex looks like a race.
// scripts/sanitize loads this library in front of it.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

#define SWIFT __attribute__((swiftcall))
#define HANDLE __attribute__((swift_context)) void *handle
#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

// Absent in processes that are not instrumented.
extern void __tsan_acquire(void *address) __attribute__((weak));
extern void __tsan_release(void *address) __attribute__((weak));

SWIFT void lockSlow(uint32_t thread, HANDLE) __asm__(LOCK_SLOW);
SWIFT void unlockSlow(HANDLE) __asm__(UNLOCK_SLOW);

SWIFT void lockSlow(uint32_t thread, HANDLE) {
  SWIFT void (*next)(uint32_t, HANDLE) = (SWIFT void (*)(uint32_t, HANDLE))dlsym(RTLD_NEXT, LOCK_SLOW);
  next(thread, handle);
  if (__tsan_acquire) __tsan_acquire(handle);
}

SWIFT void unlockSlow(HANDLE) {
  SWIFT void (*next)(HANDLE) = (SWIFT void (*)(HANDLE))dlsym(RTLD_NEXT, UNLOCK_SLOW);
  if (__tsan_release) __tsan_release(handle);
  next(handle);
}
