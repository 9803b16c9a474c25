#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nova::client {

/// One HTTP request to the API, as data: sent by Client, or shown as a curl command.
struct Request {
    std::string method = "GET";
    std::string path;                                         ///< "/api/v1/namespaces/default/pods/web"
    std::vector<std::pair<std::string, std::string>> query{}; ///< Not yet encoded.
    std::string content_type{};                               ///< Of the body; empty: JSON where there is a body.
    std::string accept{};
    std::string body{};

    Request with(std::string name, std::string value) &&; ///< Adds a parameter unless its value is empty.
    std::string target() const;                           ///< The path with the query, encoded.

    /// "curl --unix-socket '/run/nova/api.sock' 'http://nova/api/v1/…'", quoted for a shell.
    std::string to_curl(const std::string& socket) const;
};

/// Everything but unreserved characters as %XX.
std::string percent_encode(std::string_view text);

} // namespace nova::client
