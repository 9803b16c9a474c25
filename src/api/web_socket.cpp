#include "api/web_socket.h"

#include "api/status.h"
#include "base/strings.h"
#include "base/websocket_frame.h"

namespace nova::api {
namespace {

bool lists(const std::string& header, std::string_view wanted)
{
    for (const auto& one : base::split(header, ',')) {
        auto const word = base::trim(one);
        if (std::equal(word.begin(), word.end(), wanted.begin(), wanted.end(),
                       [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); }))
            return true;
    }
    return false;
}

} // namespace

std::optional<std::string> web_socket_protocol(const Request& request)
{
    bool const handshake = lists(request.header("upgrade"), "websocket") && lists(request.header("connection"), "upgrade") &&
                           request.header("sec-websocket-version") == "13" && !request.header("sec-websocket-key").empty();
    if (!handshake)
        return std::nullopt;
    auto const offered = request.header("sec-websocket-protocol");
    if (offered.empty())
        return "";
    for (const auto* known : {"v5.channel.k8s.io", "v4.channel.k8s.io"})
        if (lists(offered, known))
            return known;
    return std::nullopt;
}

std::string web_socket_head(const Request& request, const std::string& protocol)
{
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
           base::websocket_accept(request.header("sec-websocket-key")) + "\r\n" +
           (protocol.empty() ? "" : "Sec-WebSocket-Protocol: " + protocol + "\r\n") + "\r\n";
}

json exit_status(int code)
{
    if (code == 0)
        return success_status();
    auto status = status_object(HttpError{500, "NonZeroExitCode"}, "command terminated with exit code " + std::to_string(code));
    status["details"]["causes"] = json::array({{{"reason", "ExitCode"}, {"message", std::to_string(code)}}});
    return status;
}

} // namespace nova::api
