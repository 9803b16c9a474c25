#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace nova::storage {

using base::Result;
using nlohmann::json;

/// Foreign JSON, an object or array at the top. Errors: invalid_argument; resource_exhausted - too big or too deep.
Result<json> parse_foreign_json(std::string_view text);

/// A field of an object, with the path of the object for messages. Absent and null are the same: the empty value.
/// Errors: invalid_argument - another type, a string with a NUL in it; resource_exhausted - more than limits::config_strings.
class FieldReader {
public:
    FieldReader(const json& object, std::string path) : object_(object), path_(std::move(path)) {}

    /// Errors: invalid_argument - this is no object.
    static Result<FieldReader> of(const json& value, const std::string& path);

    Result<std::string> text(const char* name) const;
    Result<std::uint64_t> number(const char* name) const;
    Result<std::vector<std::string>> texts(const char* name) const;
    Result<std::map<std::string, std::string>> text_map(const char* name) const;
    const json& at(const char* name) const; ///< null where absent.
    std::string path_of(const std::string& name) const { return path_.empty() ? name : path_ + "." + name; }

private:
    const json& object_;
    std::string path_;
};

base::Error bad_field(const std::string& path, const std::string& message);

} // namespace nova::storage
