// Preloaded into the gateway: has system calls fail as they do when a machine, a container or a user has no more of something.
// FAILING_CALLS names them with an errno: "epoll_add=28,socket=24,accept=24". They fail while the file FAILING_WHEN exists, and always if it is not set.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static int failure(const char *name) {
  const char *calls = getenv("FAILING_CALLS"), *when = getenv("FAILING_WHEN");
  if (!calls || (when && access(when, F_OK) != 0)) return 0;
  size_t length = strlen(name);
  for (const char *found = strstr(calls, name); found; found = strstr(found + 1, name))
    if ((found == calls || found[-1] == ',') && found[length] == '=') return atoi(found + length + 1);
  return 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FAILS(name) do { int code = failure(name); if (code) { errno = code; return -1; } } while (0)

int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event) {
  if (operation == EPOLL_CTL_ADD) FAILS("epoll_add");
  if (operation == EPOLL_CTL_MOD) FAILS("epoll_mod");
  return REAL(epoll_ctl)(epoll, operation, fd, event);
}
int epoll_create1(int flags) { FAILS("epoll_create1"); return REAL(epoll_create1)(flags); }
int eventfd(unsigned int count, int flags) { FAILS("eventfd"); return REAL(eventfd)(count, flags); }
int inotify_init1(int flags) { FAILS("inotify_init1"); return REAL(inotify_init1)(flags); }
int socket(int domain, int type, int protocol) { FAILS("socket"); return REAL(socket)(domain, type, protocol); }
int listen(int fd, int backlog) { FAILS("listen"); return REAL(listen)(fd, backlog); }
int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags) {
  FAILS("accept");
  return REAL(accept4)(fd, address, length, flags);
}
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument) {
  int code = failure("pthread_create");
  return code ? code : REAL(pthread_create)(thread, attributes, start, argument);
}
