// As much of HTTP as webapp.c needs, on sockets: one request a connection, one at a time, on 127.0.0.1 only.

#ifndef HTTP_H
#define HTTP_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HTTP_MAX 4096

// Reads a message until its body is complete; the bytes read, or 0 if it is cut short or too long. `text` has room for
// HTTP_MAX bytes and ends with a NUL.
static inline size_t http_receive(int connection, char *text, const char **body) {
    size_t len = 0;
    for (;;) {
        ssize_t got = read(connection, text + len, HTTP_MAX - 1 - len);
        if (got <= 0) {
            return 0;
        }
        len += (size_t)got;
        text[len] = '\0';
        char *end = strstr(text, "\r\n\r\n");
        const char *length = strstr(text, "Content-Length: ");
        if (end != NULL) {
            *body = end + 4;
            size_t body_len = length != NULL && length < end ? strtoul(length + 16, NULL, 10) : 0;
            if (len - (size_t)(*body - text) >= body_len) {
                return len;
            }
        }
    }
}

static inline int http_send(int connection, const char *text) {
    for (size_t len = strlen(text); len > 0;) {
        ssize_t sent = send(connection, text, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return 0;
        }
        text += sent;
        len -= (size_t)sent;
    }
    return 1;
}

// Writes an answer into `text`, which has room for HTTP_MAX bytes. `headers` are whole lines with "\r\n".
static inline void http_response(char *text, const char *status, const char *headers, const char *body) {
    snprintf(text, HTTP_MAX,
             "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n%s", status,
             strlen(body), headers, body);
}

static inline struct sockaddr_in http_loopback(int port) {
    struct sockaddr_in address = {0};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)port);
    return address;
}

// Answers requests until the process is stopped: `answer` writes what http_response() does. Port 0 is any free one; the
// line that it prints tells which. Returns only if it cannot begin.
static inline int http_serve(int port, void (*answer)(const char *request, const char *body, char *response)) {
    struct sockaddr_in address = http_loopback(port);
    socklen_t address_len = sizeof address;
    int on = 1;
    int listening = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listening, (struct sockaddr *)&address, address_len) != 0 || listen(listening, 64) != 0) {
        perror("webapp");
        return 1;
    }
    getsockname(listening, (struct sockaddr *)&address, &address_len);
    printf("listening on http://127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        static char request[HTTP_MAX];
        static char response[HTTP_MAX];
        const char *body = "";
        int connection = accept(listening, NULL, NULL);
        if (connection >= 0 && http_receive(connection, request, &body) > 0) {
            answer(request, body, response);
            http_send(connection, response);
        }
        close(connection);
    }
}

// Sends a request, "GET /stats", and reads the answer into `reply`, which has room for HTTP_MAX bytes.
static inline int http_ask(int port, const char *what, const char *body, char *reply) {
    char request[HTTP_MAX];
    const char *reply_body;
    struct sockaddr_in address = http_loopback(port);
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    snprintf(request, sizeof request, "%s HTTP/1.1\r\nContent-Length: %zu\r\n\r\n%s", what, strlen(body), body);
    int done = connect(connection, (struct sockaddr *)&address, sizeof address) == 0 && http_send(connection, request) &&
               http_receive(connection, reply, &reply_body) > 0;
    close(connection);
    return done;
}

#endif
