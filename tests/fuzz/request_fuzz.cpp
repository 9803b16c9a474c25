#include <cstddef>
#include <cstdint>
#include <string>

#include "api/http/request_reader.h"
#include "api/patch.h"
#include "api/route.h"
#include "api/selector.h"
#include "base/must.h"
#include "base/websocket_frame.h"

namespace {

using namespace nova;

void use(const api::Request& request)
{
    if (auto const route = api::find_route(request.path); route.ok()) {
        base::must(route.value().name.find('/') == std::string::npos && route.value().space.find('/') == std::string::npos,
                   "a path reaches another key of the store");
        base::must(route.value().name != ".." && route.value().space != "..", "a path climbs");
    }
    auto const selector = api::Selector::parse(request.parameter("labelSelector"), request.parameter("fieldSelector"));
    auto const body = nlohmann::json::parse(request.body, nullptr, false);
    if (body.is_discarded())
        return;
    if (selector.ok())
        (void)selector.value().matches(body);
    nlohmann::json const object{{"metadata", {{"name", "x"}, {"labels", {{"a", "b"}}}}},
                                {"spec", {{"containers", {{{"name", "c"}}}}}}};
    for (auto const type : {api::PatchType::merge, api::PatchType::operations, api::PatchType::strategic})
        (void)api::apply_patch(type, object, body).ok();
}

} // namespace

/// Bytes of a connection, in two pieces: whatever they are, they are refused or become requests, and no piece is read twice.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    api::Limits const limits;
    std::string buffer;
    std::size_t const cut = size > 0 ? data[0] % size : 0;
    api::http::RequestReader reader{limits};
    for (auto const& piece : {std::string{data, data + cut}, std::string{data + cut, data + size}}) {
        buffer += piece;
        while (!buffer.empty()) {
            auto const before = buffer.size();
            if (reader.feed(buffer))
                return 0; // Refused: the connection ends.
            if (reader.done()) {
                auto request = reader.take();
                auto const target = std::string{request.path};
                if (api::parse_target(target, request).ok())
                    use(request);
                reader = api::http::RequestReader{limits};
            } else if (buffer.size() == before) {
                break; // Needs more.
            }
        }
    }
    std::string frames{data, data + size};
    while (true) {
        auto const frame = base::take_frame(frames, base::Masking::client, 1u << 16);
        if (!frame.ok() || !frame.value())
            return 0;
    }
}
