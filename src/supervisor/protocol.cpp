#include "supervisor/protocol.h"

namespace nova::supervisor {

using base::Code;
using base::Error;
using nlohmann::json;

std::string socket_path(const std::string& directory) { return directory + "/supervisor.sock"; }

std::string to_text(const json& message) { return message.dump(-1, ' ', false, json::error_handler_t::replace); }

std::string error_answer(const Error& error)
{
    return to_text({{"error", {{"code", to_string(error.code())}, {"message", error.message()}}}});
}

namespace {

Code code_from(std::string_view text)
{
    for (int number = 0; number <= static_cast<int>(Code::unauthenticated); ++number)
        if (to_string(static_cast<Code>(number)) == text)
            return static_cast<Code>(number);
    return Code::internal;
}

std::string text_of(const json& object, const char* name)
{
    auto const found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

} // namespace

Result<json> parse_answer(std::string_view text)
{
    auto const answer = json::parse(text, nullptr, false);
    if (answer.is_object() && answer.contains("ok"))
        return answer["ok"];
    if (answer.is_object() && answer.contains("error") && answer["error"].is_object())
        return Error{code_from(text_of(answer["error"], "code")), text_of(answer["error"], "message")};
    return Error{Code::internal, "the supervisor gave no answer that can be read"};
}

} // namespace nova::supervisor
