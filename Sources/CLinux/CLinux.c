#define _GNU_SOURCE
#include "include/CLinux.h"
#include <malloc.h>
#include <sched.h>
#include <sys/syscall.h>

int sluice_epoll_control(int epoll, int operation, int fd, uint32_t events, uint64_t data) {
  struct epoll_event event = {.events = events, .data = {.u64 = data}};
  return epoll_ctl(epoll, operation, fd, &event);
}

// The kernel's struct is packed on x86-64, which Swift cannot express: copied field by field.
int sluice_epoll_wait(int epoll, struct sluice_epoll_event *events, int events_max, int timeout_ms) {
  struct epoll_event ready[512];
  if (events_max > 512) events_max = 512;
  int count = epoll_wait(epoll, ready, events_max, timeout_ms);
  for (int i = 0; i < count; i++) {
    events[i].data = ready[i].data.u64;
    events[i].events = ready[i].events;
  }
  return count;
}

int sluice_pin_thread(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  return pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

void sluice_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

void sluice_return_large_blocks(void) {
  // Setting it also stops glibc from raising it to the size of whatever is freed.
  mallopt(M_MMAP_THRESHOLD, 256 << 10);
}

void sluice_ignore_sigpipe(void) { signal(SIGPIPE, SIG_IGN); }

ssize_t sluice_recv(int fd, void *buffer, size_t size, int flags) {
  return syscall(SYS_recvfrom, fd, buffer, size, flags, NULL, NULL);
}

ssize_t sluice_send(int fd, const void *bytes, size_t size, int flags) {
  return syscall(SYS_sendto, fd, bytes, size, flags, NULL, 0);
}
