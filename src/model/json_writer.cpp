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

} // namespace nova::model
