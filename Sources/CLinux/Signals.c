#define _GNU_SOURCE
#include "include/CLinux.h"
#include <fcntl.h>
#include <stdatomic.h>

// All that a handler touches is async-signal-safe: lock-free atomics, write, clock_gettime and _exit.
static atomic_int signal_pipe = -1;
static atomic_int end_is_deferred = 0;
static _Atomic uint64_t end_asked_at = 0;
static atomic_int end_count = 0;

static const uint64_t same_request_nanoseconds = 20000000;

// Whether it is another request than the one before.
static int ask_for_end(int number) {
  if (!atomic_load(&end_is_deferred)) _exit(0);
  uint64_t now = sluice_monotonic_nanoseconds();
  if (now - atomic_load(&end_asked_at) <= same_request_nanoseconds) return 0;
  atomic_store(&end_asked_at, now);
  if (atomic_fetch_add(&end_count, 1) >= 2) _exit(128 + number);
  return 1;
}

static void on_signal(int number) {
  int saved = errno;
  if ((number != SIGTERM && number != SIGINT) || ask_for_end(number)) {
    unsigned char byte = (unsigned char)number;
    // A full pipe already holds what its reader needs to know.
    ssize_t written = write(atomic_load(&signal_pipe), &byte, 1);
    (void)written;
  }
  errno = saved;
}

int sluice_signals_install(void) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return -1;
  fcntl(ends[1], F_SETFL, O_NONBLOCK);
  atomic_store(&signal_pipe, ends[1]);
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  static const int handled[] = {SIGHUP, SIGUSR1, SIGUSR2, SIGTERM, SIGINT};
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < sizeof handled / sizeof *handled; i++) {
    sigaction(handled[i], &action, NULL);
    sigaddset(&set, handled[i]);
  }
  signal(SIGPIPE, SIG_IGN);
  // A log file at its size limit is a failed write, not the end.
  signal(SIGXFSZ, SIG_IGN);
  // Whoever started us may have left them blocked.
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
  return ends[0];
}

void sluice_signals_defer_end(void) { atomic_store(&end_is_deferred, 1); }
