#include "model/json_writer.h"

namespace nova::model {

void JsonWriter::separate()
{
    if (!fresh_)
        text_ += ',';
    fresh_ = false;
}

void JsonWriter::quote(std::string_view text)
{
    constexpr auto digits = "0123456789abcdef";
    text_ += '"';
    for (char const c : text) {
        auto const byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            text_ += '\\';
            text_ += c;
        } else if (c == '\n') {
            text_ += "\\n";
        } else if (byte < 0x20 || byte == 0x7f) {
            text_ += "\\u00";
            text_ += digits[byte >> 4];
            text_ += digits[byte & 15];
        } else {
            text_ += c;
        }
    }
    text_ += '"';
}

JsonWriter& JsonWriter::begin(char bracket)
{
    separate();
    text_ += bracket;
    fresh_ = true;
    return *this;
}

JsonWriter& JsonWriter::end(char bracket)
{
    text_ += bracket;
    fresh_ = false;
    return *this;
}

JsonWriter& JsonWriter::key(std::string_view name)
{
    separate();
    quote(name);
    text_ += ':';
    fresh_ = true;
    return *this;
}

JsonWriter& JsonWriter::value(std::string_view text)
{
    separate();
    quote(text);
    return *this;
}

JsonWriter& JsonWriter::value(std::int64_t number) { return raw(std::to_string(number)); }

JsonWriter& JsonWriter::value(std::uint64_t number) { return raw(std::to_string(number)); }

JsonWriter& JsonWriter::value(bool yes) { return raw(yes ? "true" : "false"); }

JsonWriter& JsonWriter::raw(std::string_view json)
{
    separate();
    text_ += json;
    return *this;
}

namespace {

/// The text of a string with its quotation marks, which begins at `json[at]`.
std::string_view quoted_at(std::string_view json, std::size_t at)
{
    auto end = at + 1;
    while (end < json.size() && json[end] != '"')
        end += json[end] == '\\' ? 2 : 1;
    return json.substr(at, end + 1 - at);
}

} // namespace

std::string indented_json(std::string_view json)
{
    std::string text;
    std::size_t depth = 0;
    auto const new_line = [&] { text.append(1, '\n').append(depth, '\t'); };
    for (std::size_t i = 0; i < json.size(); ++i) {
        char const c = json[i];
        bool const empty = i + 1 < json.size() && (json[i + 1] == '}' || json[i + 1] == ']');
        if (c == '"') {
            auto const whole = quoted_at(json, i);
            text += whole;
            i += whole.size() - 1;
        } else if ((c == '{' || c == '[') && empty) {
            text.append(1, c).append(1, json[++i]);
        } else if (c == '{' || c == '[') {
            text += c;
            ++depth;
            new_line();
        } else if (c == '}' || c == ']') {
            --depth;
            new_line();
            text += c;
        } else {
            text += c;
            if (c == ',')
                new_line();
            else if (c == ':')
                text += ' ';
        }
    }
    return text;
}

} // namespace nova::model
