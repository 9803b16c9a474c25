#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace nova::client {

class HttpConnection;

/// A running exec, attach or console over a WebSocket. Not safe from two threads at once, but resize() may be called from
/// Pump::on_wake. Destroying it detaches.
class Session {
public:
    enum class Source { out, err };
    struct Output {
        Source source = Source::out;
        std::string text;
    };
    enum class Typed {
        more,
        last, ///< This is sent still, and then we detach.
    };
    /// What pump() moves between. -1: none.
    struct Pump {
        int in = -1;
        int out = -1;
        int err = -1;
        int wake = -1;                               ///< Something of the caller's to watch as well: a signalfd for SIGWINCH.
        std::function<base::Status()> on_wake{};     ///< Called when it is readable; must read from it.
        std::function<Typed(std::string&)> filter{}; ///< Sees input before it is sent, and may cut it (an escape key).
        /// Detach so long after the input ended; empty: go on until the other side ends it.
        std::optional<std::chrono::milliseconds> after_input{};
    };

    explicit Session(std::unique_ptr<HttpConnection> connection, std::string buffered);
    Session(Session&&) noexcept;
    Session& operator=(Session&&) noexcept;
    ~Session();

    /// The next output; empty: it is over, and exit_code() says how. Errors: deadline_exceeded; unavailable - the server went
    /// away.
    base::Result<std::optional<Output>> next(base::Deadline deadline = base::Deadline::never());

    /// Waits while the process does not read. Errors: deadline_exceeded; unavailable.
    base::Status write(std::string_view text, base::Deadline deadline = base::Deadline::never());
    base::Status close_in(); ///< The process reads an end of file.
    base::Status resize(std::uint16_t columns, std::uint16_t rows);

    /// Moves bytes both ways until the session is over, or until the filter or the end of the input detaches. Returns the exit
    /// code; 0 after an attachment. Errors: unavailable - the connection broke; internal - how it ended is not known.
    base::Result<int> pump(const Pump& pump);

    bool over() const { return over_; }
    base::Result<int> exit_code() const; ///< Once over.
    int fd() const;

private:
    /// How far pump() is.
    struct Moves {
        bool in_open = false;
        bool in_ended = false;
        bool detaches = false;
        std::optional<base::Deadline> leave{};
    };

    base::Status send(char channel, std::string_view text, base::Deadline deadline);
    base::Status send_frame(std::string frame, base::Deadline deadline);
    base::Status send_unsent();                          ///< As much as goes without waiting.
    base::Result<std::optional<Output>> take_buffered(); ///< Empty: needs bytes, or it is over.
    base::Result<std::optional<Output>> handle(std::string message);
    base::Status pump_in(const Pump& pump, Moves& moves);
    base::Status pump_out(const Pump& pump);
    base::Status show(const Pump& pump);

    std::unique_ptr<HttpConnection> connection_;
    std::string buffer_;
    std::string unsent_; ///< While pumping: what the server does not take yet. It may wait for us to read.
    bool pumping_ = false;
    std::string message_;
    std::optional<base::Error> failure_; ///< How it ended, where it is no exit code.
    int exit_code_ = 0;
    bool status_seen_ = false;
    bool over_ = false;
    std::uint32_t mask_ = 0x6e6f7661; ///< Changes with each frame; it hides nothing.
};

} // namespace nova::client
