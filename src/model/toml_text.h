#pragma once

#include <nlohmann/json.hpp>

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace nova::model {

/// Where something stands in a text; both from 1.
struct Position {
    int line = 0;
    int column = 0;
};

/// A TOML text as JSON, and where each key and each element of a list stands, by its path ("vm.probe.cpu",
/// "container.web.ports[1]").
struct TomlText {
    nlohmann::json value;
    std::map<std::string, Position> positions;
};

/// Of the path itself, or of the nearest that stands above it; {1, 1} where none does.
Position position_of(const std::map<std::string, Position>& positions, std::string_view path);

/// Dates become strings. Errors: invalid_argument with line and column of the first thing that is no TOML, also for a key that
/// stands twice.
base::Result<TomlText> parse_toml(std::string_view text, const std::string& file);

} // namespace nova::model
