#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/result.h"
#include "keyspace/keyspace.h"

namespace nova::control {

using base::Result;
using base::Status;

/// Values of which each can have one owner only: addresses of a network, subnets, names of links. A claim is a key whose name is
/// the value, so the store's compare-and-swap decides who gets it, and it is found again after a crash.
class Claims {
public:
    explicit Claims(keyspace::Keyspace& keyspace) : keyspace_(keyspace) {}

    /// What this owner has, or else the first value that `candidate` offers (0, 1, 2, …) and nobody holds.
    /// Errors: resource_exhausted - `candidate` has no more to offer.
    Result<std::string> ensure(const std::string& scope, const std::string& owner,
                               const std::function<std::optional<std::string>(std::size_t)>& candidate);

    std::optional<std::string> find(const std::string& scope, const std::string& owner);

    /// The scopes below `parent` ("address") in which this owner has something.
    Result<std::set<std::string>> scopes_of(const std::string& parent, const std::string& owner);

    /// Value -> owner.
    Result<std::map<std::string, std::string>> list(const std::string& scope);

    Status release(const std::string& scope, const std::string& owner); ///< Accepts absence.

private:
    keyspace::Keyspace& keyspace_;
};

} // namespace nova::control
