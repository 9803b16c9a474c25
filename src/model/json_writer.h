#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace nova::model {

/// Builds a JSON text front to back, without a tree. The caller keeps begin and end in balance.
///   JsonWriter json; json.begin('{').member("id", id).end('}'); json.text();
class JsonWriter {
public:
    JsonWriter& begin(char bracket); ///< '{' or '['
    JsonWriter& end(char bracket);   ///< '}' or ']'
    JsonWriter& key(std::string_view name);
    JsonWriter& value(std::string_view text);
    JsonWriter& value(const char* text) { return value(std::string_view{text}); }
    JsonWriter& value(std::int64_t number);
    JsonWriter& value(std::uint64_t number);
    JsonWriter& value(int number) { return value(static_cast<std::int64_t>(number)); }
    JsonWriter& value(bool yes);
    JsonWriter& raw(std::string_view json); ///< A value that is JSON already.

    template <typename T>
    JsonWriter& member(std::string_view name, const T& content)
    {
        return key(name).value(content);
    }
    template <typename Values>
    JsonWriter& list(std::string_view name, const Values& values)
    {
        key(name).begin('[');
        for (const auto& one : values)
            value(one);
        return end(']');
    }

    const std::string& text() const { return text_; }

private:
    void separate();
    void quote(std::string_view text);

    std::string text_;
    bool fresh_ = true; ///< Nothing stands before in this bracket, or a key does.
};

/// The same JSON with a line for each member and element, each level a tab further in, for people to read. `json` must be well
/// formed.
std::string indented_json(std::string_view json);

} // namespace nova::model
