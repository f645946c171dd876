// A server that answers every request with one constant 429: the least that answering can cost. It reads whatever arrives and
// answers once for each end of a head that it sees. One thread, epoll. Argument: the port. It writes a line when it listens.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const char ANSWER[] =
    "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/problem+json\r\nretry-after: 1\r\ncontent-length: 2\r\n\r\n{}";

int main(int argc, char **argv) {
  int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), events = epoll_create1(0);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(argc > 1 ? atoi(argv[1]) : 0)};
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 1024)) return perror("listen"), 1;
  struct epoll_event wanted = {.events = EPOLLIN, .data.fd = listener}, ready[256];
  epoll_ctl(events, EPOLL_CTL_ADD, listener, &wanted);
  puts("listening");
  fflush(stdout);
  static char bytes[65536];
  for (;;) {
    int n = epoll_wait(events, ready, 256, -1);
    for (int i = 0; i < n; i++) {
      int fd = ready[i].data.fd;
      if (fd == listener) {
        int client = accept4(listener, 0, 0, SOCK_NONBLOCK);
        if (client < 0) continue;
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct epoll_event more = {.events = EPOLLIN, .data.fd = client};
        epoll_ctl(events, EPOLL_CTL_ADD, client, &more);
        continue;
      }
      ssize_t got = read(fd, bytes, sizeof bytes - 1);
      if (got <= 0) {
        close(fd);
        continue;
      }
      bytes[got] = 0;
      for (char *end = bytes; (end = strstr(end, "\r\n\r\n")); end += 4)
        if (write(fd, ANSWER, sizeof ANSWER - 1) < 0) break;
    }
  }
}
