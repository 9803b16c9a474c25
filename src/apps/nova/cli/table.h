#pragma once

#include <string>
#include <vector>

namespace nova::app {

/// Rows under a header, columns as wide as their widest cell and three spaces apart; no white space at the end of a line.
/// Widths count characters of UTF-8, not bytes. Control characters in cells are shown as '?', so that a name cannot drive the
/// terminal.
std::string format_table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows);

/// How long ago, as people say it: "12s", "5m", "3h", "2d". "-" where the moment does not read.
std::string age(const std::string& rfc3339);

} // namespace nova::app
