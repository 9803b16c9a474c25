#include "api/logs.h"

#include <limits>

#include "base/clock.h"
#include "base/log.h"
#include "base/strings.h"

namespace nova::api {
namespace {

class LogSource : public BodySource {
public:
    LogSource(std::unique_ptr<LogStream> stream, const LogOptions& options)
        : stream_(std::move(stream)),
          follow_(options.follow),
          left_(options.limit_bytes.value_or(std::numeric_limits<std::uint64_t>::max()))
    {}

    void on_wake(std::function<void()>) override {} // Its descriptor wakes.
    int wake_fd() const override { return follow_ ? stream_->wake() : -1; }

    Piece pull() override
    {
        auto text = stream_->read();
        if (!text.ok()) { // Half of it is out, so no Status can follow; the reader sees the end, we the reason.
            base::log_warning("read a log: " + text.error().message());
            return {"", Next::end};
        }
        auto piece = std::move(text).value();
        if (piece.size() > left_)
            piece.resize(left_);
        left_ -= piece.size();
        if (left_ == 0)
            return {std::move(piece), Next::end};
        if (!piece.empty())
            return {std::move(piece), Next::more};
        bool const wait = follow_ && !stream_->ended() && stream_->wake() >= 0;
        return {"", wait ? Next::wait : Next::end};
    }

private:
    std::unique_ptr<LogStream> stream_;
    bool follow_;
    std::uint64_t left_; ///< Of limitBytes.
};

Result<std::uint64_t> number(const Request& request, const char* parameter, long long most)
{
    return static_cast<std::uint64_t>(TRY(base::parse_integer(request.parameter(parameter), 0, most).context(parameter)));
}

} // namespace

Result<LogOptions> log_options(const Request& request)
{
    LogOptions options;
    options.follow = request.flag("follow");
    options.timestamps = request.flag("timestamps");
    options.since = request.parameter("sinceTime");
    if (request.find("tailLines") != nullptr)
        options.tail_lines = TRY(number(request, "tailLines", 1'000'000'000));
    if (request.find("limitBytes") != nullptr)
        options.limit_bytes = TRY(number(request, "limitBytes", std::numeric_limits<long long>::max()));
    if (request.find("sinceSeconds") != nullptr) {
        auto const ago = std::chrono::seconds{TRY(number(request, "sinceSeconds", 10'000'000'000))};
        options.since = base::to_rfc3339(base::system_clock().now() - ago, 9);
    }
    return options;
}

std::unique_ptr<BodySource> log_source(std::unique_ptr<LogStream> stream, const LogOptions& options)
{
    return std::make_unique<LogSource>(std::move(stream), options);
}

} // namespace nova::api
