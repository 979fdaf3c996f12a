// As much of HTTP as webapp.cpp needs, on sockets: one request a connection, one thread a request, on 127.0.0.1 only.

#ifndef HTTP_HPP
#define HTTP_HPP

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <iostream>
#include <regex>
#include <stdexcept>
#include <string>
#include <thread>

namespace http {

struct message {
    std::string start; // the request's or the status line
    std::string headers;
    std::string body;
};

inline message receive(int socket) {
    std::string text;
    std::size_t end = std::string::npos;
    std::size_t body_length = 0;
    char buffer[4096];
    while (end == std::string::npos || text.size() < end + 4 + body_length) {
        const ssize_t got = read(socket, buffer, sizeof buffer);
        if (got <= 0) {
            break;
        }
        text.append(buffer, static_cast<std::size_t>(got));
        end = text.find("\r\n\r\n");
        std::smatch length;
        if (end != std::string::npos && std::regex_search(text, length, std::regex("\r\nContent-Length: (\\d{1,6})", std::regex::icase))) {
            body_length = std::stoul(length[1]);
        }
    }
    if (end == std::string::npos) {
        throw std::runtime_error("half a message");
    }
    const std::size_t line = text.find("\r\n");
    return {text.substr(0, line), text.substr(line, end - line), text.substr(end + 4)};
}

inline void send_all(int socket, const std::string& text) {
    for (std::size_t sent = 0; sent < text.size();) {
        const ssize_t more = send(socket, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
        if (more <= 0) {
            throw std::runtime_error("the other end is gone");
        }
        sent += static_cast<std::size_t>(more);
    }
}

inline std::string response(const std::string& status, const std::string& body = "", const std::string& headers = "") {
    return "HTTP/1.1 " + status + "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\nConnection: close\r\n" + headers + "\r\n" + body;
}

inline sockaddr_in loopback(int port) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    return address;
}

// The answer, or 500 if making it failed.
template <class Answer>
std::string answered(Answer& answer, const message& request) {
    try {
        return answer(request);
    } catch (const std::exception& problem) {
        std::cerr << request.start << ": " << problem.what() << '\n';
        return response("500 Internal Server Error", "{\"error\":\"see the log\"}");
    }
}

// Answers requests until the process is stopped. Port 0 is any free one; the line that it prints tells which.
template <class Answer>
[[noreturn]] void serve(int port, Answer answer) {
    sockaddr_in address = loopback(port);
    socklen_t length = sizeof address;
    const int listening = socket(AF_INET, SOCK_STREAM, 0);
    const int on = 1;
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listening, reinterpret_cast<sockaddr*>(&address), length) != 0 || listen(listening, 64) != 0) {
        throw std::runtime_error("port " + std::to_string(port) + ": " + std::strerror(errno));
    }
    getsockname(listening, reinterpret_cast<sockaddr*>(&address), &length);
    std::cout << "listening on http://127.0.0.1:" << ntohs(address.sin_port) << std::endl;
    for (;;) {
        std::thread([&answer, connection = accept(listening, nullptr, nullptr)] {
            try {
                send_all(connection, answered(answer, receive(connection)));
            } catch (const std::exception& problem) {
                std::cerr << problem.what() << '\n';
            }
            close(connection);
        }).detach();
    }
}

// Sends a request, "GET /stats", and returns the answer.
inline message ask(int port, const std::string& what, const std::string& body) {
    const int connection = socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = loopback(port);
    if (connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        throw std::runtime_error(std::string("no connection: ") + std::strerror(errno));
    }
    send_all(connection, what + " HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    message reply = receive(connection);
    close(connection);
    return reply;
}

} // namespace http

#endif
