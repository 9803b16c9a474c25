#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace nova::app {

/// What stands at a place ("/status/phase") of an object that the daemon sent. Where there is nothing, or something of another
/// type, as a daemon of another version may send it: an empty text, `otherwise`.
std::string text_at(const nlohmann::json& object, const char* pointer);
long long number_at(const nlohmann::json& object, const char* pointer, long long otherwise = 0);
bool flag_at(const nlohmann::json& object, const char* pointer, bool otherwise);
nlohmann::json list_at(const nlohmann::json& object, const char* pointer); ///< Empty where there is none.

} // namespace nova::app
