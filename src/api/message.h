#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "api/streams.h"
#include "base/result.h"

/// What goes in and out of a handler, free of any transport: the unix socket today, HTTPS and a fuzzer as well.
namespace nova::api {

using nlohmann::json;

/// Who asks, as the transport found out.
struct Identity {
    std::string name;     ///< "uid:0"
    bool allowed = false; ///< May use the API at all.
};

struct Request {
    std::string method;                                     ///< "GET"
    std::string path;                                       ///< As sent, still percent-encoded, without the query.
    std::vector<std::pair<std::string, std::string>> query; ///< Decoded.
    std::map<std::string, std::string> headers;             ///< Names in lower case.
    std::string body;
    Identity identity;

    const std::string* find(std::string_view parameter) const; ///< The first of that name; null where there is none.
    std::string parameter(std::string_view name) const;        ///< Empty where there is none.
    std::vector<std::string> parameters(std::string_view name) const;
    bool flag(std::string_view name) const; ///< "true" or "1".
    std::string header(std::string_view name) const;
};

/// "%20" and the like; with `plus` also "+" for a space. Errors: invalid_argument - a "%" without two digits, or a zero byte.
enum class Plus { stays, is_space };
Result<std::string> percent_decode(std::string_view text, Plus plus);

/// Splits "/a/b?c=d" into the request's path and query. Errors: invalid_argument.
Status parse_target(std::string_view target, Request& request);

struct Response {
    int status = 200;
    std::string content_type = "application/json";
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
};

Response json_response(const json& body, int status = 200);

/// A body that comes in pieces. pull() is called on a worker, never twice at once, and only after the last piece was written:
/// a slow reader slows down nobody but himself.
class BodySource {
public:
    enum class Next {
        more, ///< Pull again as soon as this is written.
        wait, ///< Pull again after a wake.
        end,
    };
    struct Piece {
        std::string text;
        Next next = Next::end;
    };

    virtual ~BodySource() = default;
    virtual void
    on_wake(std::function<void()> wake) = 0; ///< Called once, before the first pull. `wake` may be called from any thread.
    virtual Piece pull() = 0;
    virtual int wake_fd() const { return -1; } ///< Readable: pull again. Valid after the first pull.
    virtual std::optional<std::chrono::steady_clock::time_point> ends() const { return std::nullopt; } ///< Wake it then.
};

struct StreamReply {
    std::unique_ptr<BodySource> source;
    std::string content_type;
};

/// Which streams of a session its client wants.
struct SessionReply {
    Session session;
    bool in = false;
    bool out = true;
    bool err = true;
};

using Reply = std::variant<Response, StreamReply, SessionReply>;

} // namespace nova::api
