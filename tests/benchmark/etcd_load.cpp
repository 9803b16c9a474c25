// etcd_load PORT CONNECTIONS CLIENTS SECONDS
//
// Puts into an etcd on 127.0.0.1 over gRPC, as hard as it can: CLIENTS requests are always under way, shared out over
// CONNECTIONS. The client must not be what is measured, so it is one thread over nghttp2 that sends prepared bytes: no gRPC
// library, no protobuf. Prints one JSON object: puts per second, and the share of one processor that this client took.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <chrono>
#include <cstring>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/must.h"
#include "sys/unique_fd.h"

namespace {

using Clock = std::chrono::steady_clock;
using nova::base::must;

constexpr auto value_bytes = 256;
constexpr auto keys = 10'000;
constexpr auto warm_up = std::chrono::milliseconds{500};

std::mt19937 random_numbers{1};
std::uint64_t puts_done = 0;
bool stopping = false;

void append_field(std::string& message, char tag, std::string_view text)
{
    message.push_back(tag);
    for (auto size = text.size(); true; size >>= 7) {
        message.push_back(static_cast<char>((size & 0x7f) | (size > 0x7f ? 0x80 : 0)));
        if (size <= 0x7f)
            break;
    }
    message += text;
}

/// A gRPC frame with an etcdserverpb.PutRequest: bytes key = 1, bytes value = 2.
std::string make_put()
{
    std::string message;
    append_field(message, 0x0a, "/bench/" + std::to_string(random_numbers() % keys));
    append_field(message, 0x12, std::string(value_bytes, 'v'));
    auto const size = htonl(static_cast<std::uint32_t>(message.size()));
    std::string frame(1, '\0');
    frame.append(reinterpret_cast<const char*>(&size), sizeof size);
    return frame + message;
}

nghttp2_nv header(std::string_view name, std::string_view value)
{
    return {const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(name.data())),
            const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(value.data())), name.size(), value.size(),
            NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

struct Put {
    std::string body;
    std::size_t sent = 0;
    bool ok = false;
};

ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* out, std::size_t room, std::uint32_t* flags,
                  nghttp2_data_source* source, void*)
{
    auto& put = *static_cast<Put*>(source->ptr);
    auto const size = std::min(room, put.body.size() - put.sent);
    std::memcpy(out, put.body.data() + put.sent, size);
    put.sent += size;
    if (put.sent == put.body.size())
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(size);
}

class Connection {
public:
    explicit Connection(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        must(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "connect to etcd");
        int const on = 1;
        ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        make_session();
    }
    ~Connection() { ::nghttp2_session_del(session_); }
    Connection(const Connection&) = delete;

    void submit_put()
    {
        auto* const put = new Put{.body = make_put()};
        nghttp2_nv const headers[] = {
            header(":method", "POST"),         header(":scheme", "http"), header(":path", "/etcdserverpb.KV/Put"),
            header(":authority", "127.0.0.1"), header("te", "trailers"),  header("content-type", "application/grpc")};
        nghttp2_data_provider body{};
        body.source.ptr = put;
        body.read_callback = read_body;
        must(::nghttp2_submit_request(session_, nullptr, headers, std::size(headers), &body, put) > 0, "submit a put");
    }

    void send()
    {
        std::string out;
        const std::uint8_t* data = nullptr;
        for (ssize_t size = 0; (size = ::nghttp2_session_mem_send(session_, &data)) > 0;)
            out.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
        for (std::size_t done = 0; done < out.size();) {
            auto const sent = ::send(socket_.get(), out.data() + done, out.size() - done, MSG_NOSIGNAL);
            must(sent > 0, "send to etcd");
            done += static_cast<std::size_t>(sent);
        }
    }

    void receive()
    {
        std::uint8_t buffer[65536];
        auto const size = ::recv(socket_.get(), buffer, sizeof buffer, 0);
        must(size > 0, "etcd closed the connection");
        must(::nghttp2_session_mem_recv(session_, buffer, static_cast<std::size_t>(size)) == size, "read HTTP/2");
    }

    int fd() const { return socket_.get(); }

private:
    void make_session();
    static int on_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t*, std::size_t, const std::uint8_t*,
                         std::size_t, std::uint8_t, void*);
    static int on_close(nghttp2_session*, std::int32_t, std::uint32_t, void*);

    nova::sys::UniqueFd socket_;
    nghttp2_session* session_ = nullptr;
};

int Connection::on_header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                          const std::uint8_t* value, std::size_t value_size, std::uint8_t, void*)
{
    auto* const put = static_cast<Put*>(::nghttp2_session_get_stream_user_data(session, frame->hd.stream_id));
    if (std::string_view{reinterpret_cast<const char*>(name), name_size} == "grpc-status")
        put->ok = std::string_view{reinterpret_cast<const char*>(value), value_size} == "0";
    return 0;
}

int Connection::on_close(nghttp2_session* session, std::int32_t stream, std::uint32_t, void* self)
{
    std::unique_ptr<Put> const put{static_cast<Put*>(::nghttp2_session_get_stream_user_data(session, stream))};
    must(put->ok, "etcd refused a put");
    ++puts_done;
    if (!stopping)
        static_cast<Connection*>(self)->submit_put();
    return 0;
}

void Connection::make_session()
{
    nghttp2_session_callbacks* callbacks = nullptr;
    ::nghttp2_session_callbacks_new(&callbacks);
    ::nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    ::nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    ::nghttp2_session_client_new(&session_, callbacks, this);
    ::nghttp2_session_callbacks_del(callbacks);
    ::nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
}

double processor_seconds()
{
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

void run_until(std::vector<std::unique_ptr<Connection>>& connections, Clock::time_point end)
{
    std::vector<pollfd> polled;
    for (auto& connection : connections)
        polled.push_back({connection->fd(), POLLIN, 0});
    while (Clock::now() < end) {
        for (auto& connection : connections)
            connection->send();
        must(::poll(polled.data(), polled.size(), 5000) > 0, "etcd answered nothing for 5 s");
        for (std::size_t i = 0; i < polled.size(); ++i)
            if (polled[i].revents != 0)
                connections[i]->receive();
    }
}

} // namespace

int main(int argc, char** argv)
{
    if (argc != 5) {
        std::cerr << "usage: etcd_load PORT CONNECTIONS CLIENTS SECONDS\n";
        return 2;
    }
    auto const clients = std::stoul(argv[3]);
    std::vector<std::unique_ptr<Connection>> connections;
    for (unsigned long i = 0; i < std::stoul(argv[2]); ++i)
        connections.push_back(std::make_unique<Connection>(static_cast<std::uint16_t>(std::stoul(argv[1]))));
    for (unsigned long i = 0; i < clients; ++i)
        connections[i % connections.size()]->submit_put();

    run_until(connections, Clock::now() + warm_up);
    auto const before = puts_done;
    auto const processor_before = processor_seconds();
    auto const start = Clock::now();
    run_until(connections,
              start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(std::stod(argv[4]))));
    auto const seconds = std::chrono::duration<double>(Clock::now() - start).count();
    auto const rate = static_cast<double>(puts_done - before) / seconds;
    std::cout << "{\"puts_per_second\": " << rate
              << ", \"client_processor_share\": " << (processor_seconds() - processor_before) / seconds << "}\n";
    stopping = true;
}
