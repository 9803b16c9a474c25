#include "storage/json_reader.h"

#include "storage/limits.h"

namespace nova::storage {

using base::Code;
using base::Error;

namespace {

/// The parser itself has no limit of depth, so it is measured beforehand; a wrong text is left to the parser.
bool is_too_deep(std::string_view text)
{
    int depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char const c = text[i];
        if (in_string) {
            if (c == '\\')
                ++i;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > limits::json_depth)
                return true;
        } else if (c == '}' || c == ']') {
            --depth;
        }
    }
    return false;
}

Result<std::string> plain_text(const json& value, const std::string& path)
{
    if (value.is_null())
        return std::string{};
    if (!value.is_string())
        return bad_field(path, "must be a string");
    auto const& text = value.get_ref<const std::string&>();
    if (text.find('\0') != std::string::npos)
        return bad_field(path, "has a NUL in it");
    return text;
}

const json null_value;

} // namespace

Error bad_field(const std::string& path, const std::string& message)
{
    return Error::invalid({base::Cause{path, message, "", 0, 0}});
}

Result<json> parse_foreign_json(std::string_view text)
{
    if (text.size() > limits::json_bytes)
        return Error{Code::resource_exhausted, "JSON of more than " + std::to_string(limits::json_bytes) + " bytes"};
    if (is_too_deep(text))
        return Error{Code::resource_exhausted, "JSON nested more than " + std::to_string(limits::json_depth) + " deep"};
    auto value = json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!value.is_structured())
        return Error{Code::invalid_argument, "no JSON object"};
    return value;
}

Result<FieldReader> FieldReader::of(const json& value, const std::string& path)
{
    if (!value.is_object())
        return bad_field(path, "must be an object");
    return FieldReader{value, path};
}

const json& FieldReader::at(const char* name) const
{
    auto const found = object_.find(name);
    return found == object_.end() ? null_value : *found;
}

Result<std::string> FieldReader::text(const char* name) const { return plain_text(at(name), path_of(name)); }

Result<std::uint64_t> FieldReader::number(const char* name) const
{
    auto const& value = at(name);
    if (value.is_number_unsigned())
        return value.get<std::uint64_t>();
    return bad_field(path_of(name), "must be a whole number, 0 or more");
}

Result<std::vector<std::string>> FieldReader::texts(const char* name) const
{
    auto const& value = at(name);
    std::vector<std::string> found;
    if (value.is_null())
        return found;
    if (!value.is_array())
        return bad_field(path_of(name), "must be a list of strings");
    if (value.size() > limits::config_strings)
        return Error{Code::resource_exhausted,
                     path_of(name) + ": more than " + std::to_string(limits::config_strings) + " entries"};
    for (std::size_t i = 0; i < value.size(); ++i) {
        auto const path = path_of(name) + "[" + std::to_string(i) + "]";
        if (!value[i].is_string())
            return bad_field(path, "must be a string");
        found.push_back(TRY(plain_text(value[i], path)));
    }
    return found;
}

Result<std::map<std::string, std::string>> FieldReader::text_map(const char* name) const
{
    auto const& value = at(name);
    std::map<std::string, std::string> found;
    if (value.is_null())
        return found;
    auto const inner = TRY(of(value, path_of(name)));
    if (value.size() > limits::config_strings)
        return Error{Code::resource_exhausted,
                     path_of(name) + ": more than " + std::to_string(limits::config_strings) + " entries"};
    for (const auto& [key, item] : value.items())
        found[key] = TRY(plain_text(item, inner.path_of(key)));
    return found;
}

} // namespace nova::storage
