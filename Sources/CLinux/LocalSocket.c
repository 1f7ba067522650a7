#define _GNU_SOURCE
#include "include/CLinux.h"

static socklen_t abstract_address(const char *name, struct sockaddr_un *address) {
  size_t length = strlen(name);
  if (length > sizeof address->sun_path - 1) length = sizeof address->sun_path - 1;
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  // A first byte of zero makes it abstract; the rest is no string but so many bytes.
  memcpy(address->sun_path + 1, name, length);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
}

static int local_socket(void) { return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

static int closing(int fd) {
  int saved = errno;
  close(fd);
  errno = saved;
  return -1;
}

int sluice_local_listen(const char *name) {
  struct sockaddr_un address;
  socklen_t length = abstract_address(name, &address);
  int fd = local_socket();
  if (fd < 0) return -1;
  if (bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, 16) != 0) return closing(fd);
  return fd;
}

int sluice_local_connect(const char *name) {
  struct sockaddr_un address;
  socklen_t length = abstract_address(name, &address);
  int fd = local_socket();
  if (fd < 0) return -1;
  if (connect(fd, (struct sockaddr *)&address, length) != 0) return closing(fd);
  return fd;
}

int sluice_local_peer(int fd, pid_t *process, uid_t *user) {
  struct ucred peer;
  socklen_t length = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return -1;
  *process = peer.pid;
  *user = peer.uid;
  return 0;
}

union control {
  char bytes[CMSG_SPACE(sizeof(int) * sluice_descriptors_max)];
  struct cmsghdr header;
};

ssize_t sluice_send_descriptors(int fd, const void *bytes, size_t size, const int *descriptors, int count) {
  if (count < 0 || count > sluice_descriptors_max) {
    errno = EINVAL;
    return -1;
  }
  struct iovec part = {.iov_base = (void *)bytes, .iov_len = size};
  union control control;
  memset(&control, 0, sizeof control);
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (count > 0) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
    memcpy(CMSG_DATA(header), descriptors, sizeof(int) * (size_t)count);
  }
  return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

ssize_t sluice_receive_descriptors(int fd, void *buffer, size_t size, int *descriptors, int *count) {
  struct iovec part = {.iov_base = buffer, .iov_len = size};
  union control control;
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  *count = 0;
  ssize_t received = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (received < 0) return received;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    int held = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    for (int i = 0; i < held; i++) {
      int descriptor;
      memcpy(&descriptor, CMSG_DATA(header) + sizeof(int) * (size_t)i, sizeof descriptor);
      if (*count < sluice_descriptors_max) {
        descriptors[(*count)++] = descriptor;
      } else {
        close(descriptor);
      }
    }
  }
  if (message.msg_flags & MSG_CTRUNC) {
    while (*count > 0) close(descriptors[--*count]);
    errno = EMFILE;
    return -1;
  }
  return received;
}

int sluice_is_listening(int fd) {
  int listens = 0, protocol = 0;
  socklen_t length = sizeof listens;
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) != 0) return 0;
  length = sizeof protocol;
  if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) != 0) return 0;
  return listens && protocol == IPPROTO_TCP;
}
