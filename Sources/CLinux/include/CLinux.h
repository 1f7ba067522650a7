// What Linux and glibc offer and Swift's Glibc module does not show: epoll, eventfd, accept4, memmem, thread pinning.
// No _GNU_SOURCE here: it would change fd_set's fields against the Glibc module. Prototypes are declared instead.
#ifndef SLUICE_CLINUX_H
#define SLUICE_CLINUX_H

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

extern int accept4(int, struct sockaddr *restrict, socklen_t *restrict, int);
extern void *memmem(const void *, size_t, const void *, size_t);

/// Registers or changes interest in `fd`; `data` comes back with each event. Returns 0 or -1 with errno.
int sluice_epoll_control(int epoll, int operation, int fd, uint32_t events, uint64_t data);

/// One ready descriptor as `sluice_epoll_wait` reports it.
struct sluice_epoll_event {
  uint64_t data;
  uint32_t events;
};

/// Waits up to `timeout_ms` and fills `events` (at most 512). Returns the count, or -1 with errno.
int sluice_epoll_wait(int epoll, struct sluice_epoll_event *events, int events_max, int timeout_ms);

/// recv(2) and send(2) without glibc's thread-cancellation bracket, which costs two atomic operations a call in a program with threads. Nobody
/// cancels a reactor's thread. Like the originals: a count, or -1 with errno.
ssize_t sluice_recv(int fd, void *buffer, size_t size, int flags);
ssize_t sluice_send(int fd, const void *bytes, size_t size, int flags);

/// Nanoseconds of CLOCK_MONOTONIC.
static inline uint64_t sluice_monotonic_nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/// Pins the calling thread to one processor. Returns 0 or an errno value.
int sluice_pin_thread(int processor);

/// Names the calling thread (15 bytes are kept) for debuggers and top.
void sluice_name_thread(const char *name);

/// Lets a write to a closed connection fail with EPIPE instead of ending the process.
void sluice_ignore_sigpipe(void);

/// Has blocks of 256 KiB and more mapped one by one and unmapped when they are freed.
void sluice_return_large_blocks(void);

/// Sockets between processes of one machine that keep messages apart (SOCK_SEQPACKET) under an abstract name, which lives as long as they do and
/// in their network namespace alone. Non-blocking. Each returns a descriptor, or -1 with errno.
int sluice_local_listen(const char *name);
int sluice_local_connect(const char *name);

/// Who is at the other end. Returns 0, or -1 with errno.
int sluice_local_peer(int fd, pid_t *process, uid_t *user);

/// One message with copies of descriptors, at most `sluice_descriptors_max`. Like send and recv otherwise. What is received has close-on-exec
/// set; when this process has no room for all of them it gets none, and EMFILE.
enum { sluice_descriptors_max = 200 };
ssize_t sluice_send_descriptors(int fd, const void *bytes, size_t size, const int *descriptors, int count);
ssize_t sluice_receive_descriptors(int fd, void *buffer, size_t size, int *descriptors, int *count);

/// Whether `fd` is a TCP socket that listens.
int sluice_is_listening(int fd);

/// Signals as bytes of a pipe. From here on SIGHUP, SIGUSR1, SIGUSR2, SIGTERM and SIGINT each write their number into it, SIGPIPE and SIGXFSZ do
/// nothing. The handler itself ends the process, whatever its threads are doing: at the first SIGTERM or SIGINT with status 0 until
/// `sluice_signals_defer_end` is called, and at the third with status 128 + its number. One that follows within 20 ms is the same request,
/// and not told: timeout(1) and shells signal a process and its group.
/// Returns the end of the pipe to read from (it blocks), or -1 with errno.
int sluice_signals_install(void);

/// From here on the first two of SIGTERM or SIGINT are left to whoever reads the pipe.
void sluice_signals_defer_end(void);

/// The calling thread's CPU time in nanoseconds.
static inline uint64_t sluice_thread_cpu_nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}
#endif
