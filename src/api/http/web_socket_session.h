#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "api/http/loop.h"
#include "api/http/stream.h"
#include "api/web_socket.h"
#include "base/websocket_frame.h"

namespace nova::api::http {

/// An exec, attach or console: frames of the client on one side, descriptors of a process on the other. Whoever is slow makes
/// the other side wait; nothing piles up.
class WebSocketSession : public Task {
public:
    WebSocketSession(Loop& loop, std::unique_ptr<Stream> stream, SessionReply reply);
    ~WebSocketSession() override;

    void start(std::string head);
    void drain() override;
    void close() override;

private:
    using Descriptor = asio::posix::stream_descriptor;
    /// Output of the process that goes to one channel.
    struct Output {
        explicit Output(asio::io_context& io, Channel the_channel) : descriptor(io), channel(the_channel) {}
        Descriptor descriptor;
        Channel channel;
        bool wanted = true; ///< The client asked for it; else it is read and dropped.
        bool open = false;
        bool reading = false;
        std::array<char, 16384> buffer{};
    };

    std::shared_ptr<WebSocketSession> self() { return std::static_pointer_cast<WebSocketSession>(shared_from_this()); }

    void read_client();
    void handle_frames();
    bool handle_frame(base::WebSocketFrame frame); ///< False: stop reading for now.
    bool handle_message(const std::string& message);
    bool write_in(std::string_view data);
    void step_in();
    void close_in();
    void resize(const std::string& text);
    void run_resize();

    void read_output(Output& output);
    void read_exit();
    void exited(std::optional<int> code);
    void finish_if_over();
    void go_on_reading();
    void finish(const json& status);
    void say_goodbye(std::string_view payload);
    void send_channel(Channel channel, std::string_view data);
    void send_frame(base::FrameType type, std::string_view payload);
    void flush();
    void stop_sending();
    bool backlogged() const { return outbox_.size() > loop_.limits.session_backlog; }

    Loop& loop_;
    std::unique_ptr<Stream> stream_;
    Writer writer_;
    std::function<Status(std::uint16_t, std::uint16_t)> resize_;
    Descriptor in_;
    Output out_;
    Output err_;
    Descriptor exit_;
    asio::steady_timer drain_timer_;
    bool has_exit_ = false;
    std::optional<json> status_; ///< Known: how it ended.
    bool finishing_ = false;
    bool awaiting_end_ = false; ///< The timer will look whether it is over.
    bool draining_ = false;     ///< The server stops.
    bool client_reads_ = true;
    bool closed_ = false;

    std::array<char, 4096> chunk_{};
    std::string inbox_;
    std::string message_; ///< Of a message in parts.
    std::string in_text_;
    bool in_busy_ = false;
    bool in_closing_ = false;
    bool reading_client_ = false;
    std::string outbox_;
    int exit_code_ = 0;

    std::optional<std::pair<std::uint16_t, std::uint16_t>> next_size_;
    bool resizing_ = false;
};

} // namespace nova::api::http
