#include "control/claims.h"

namespace nova::control {
namespace {

std::string prefix(const std::string& scope) { return "/claims/" + scope + "/"; }

// A value may hold a slash ("10.88.0.0/24"); a key's last part may not, since scopes end at one.
std::string place(const std::string& scope, std::string value)
{
    for (auto& character : value)
        if (character == '/')
            character = '|';
    return prefix(scope) + value;
}

} // namespace

Result<std::map<std::string, std::string>> Claims::list(const std::string& scope)
{
    std::map<std::string, std::string> owners;
    for (const auto& record : TRY(keyspace_.list(prefix(scope))).records) {
        auto value = record.key.substr(prefix(scope).size());
        for (auto& character : value)
            if (character == '|')
                character = '/';
        owners.emplace(std::move(value), record.value);
    }
    return owners;
}

std::optional<std::string> Claims::find(const std::string& scope, const std::string& owner)
{
    auto const owners = list(scope);
    if (owners.ok())
        for (const auto& [value, holder] : owners.value())
            if (holder == owner)
                return value;
    return std::nullopt;
}

Result<std::set<std::string>> Claims::scopes_of(const std::string& parent, const std::string& owner)
{
    std::set<std::string> scopes;
    for (const auto& record : TRY(keyspace_.list(prefix(parent))).records)
        if (record.value == owner)
            scopes.insert(parent + "/" + record.key.substr(prefix(parent).size(), record.key.rfind('/') - prefix(parent).size()));
    return scopes;
}

Result<std::string> Claims::ensure(const std::string& scope, const std::string& owner,
                                   const std::function<std::optional<std::string>(std::size_t)>& candidate)
{
    while (true) {
        auto const owners = TRY(list(scope));
        for (const auto& [value, holder] : owners)
            if (holder == owner)
                return value;
        std::size_t i = 0;
        auto value = candidate(i);
        while (value && owners.contains(*value))
            value = candidate(++i);
        if (!value)
            return base::Error{base::Code::resource_exhausted, "claim " + scope + " for " + owner + ": none is free"};
        auto const claimed = keyspace_.put(place(scope, *value), owner, {.expected = 0});
        if (claimed.ok())
            return *value;
        if (claimed.error().code() != base::Code::aborted)
            return claimed.error(); // Else somebody was ahead, perhaps for this same owner: look again.
    }
}

Status Claims::release(const std::string& scope, const std::string& owner)
{
    for (const auto& [value, holder] : TRY(list(scope))) {
        if (holder != owner)
            continue;
        auto const removed = keyspace_.remove(place(scope, value));
        if (!removed.ok() && removed.error().code() != base::Code::not_found)
            return removed.error();
    }
    return base::done();
}

} // namespace nova::control
