#pragma once

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "keyspace/keyspace.h"
#include "model/registry.h"

namespace nova::api {

using base::Result;
using base::Status;
using nlohmann::json;

/// The rules between objects: what one kind's description alone can't say.
class Admission {
public:
    explicit Admission(keyspace::Keyspace& store) : store_(store) {}

    /// Errors: invalid_argument with causes (422); not_found - the namespace; permission_denied - the namespace is going.
    /// Cost: reads every Pod where the object publishes ports, every Network for a Network, every Image for an Image.
    /// `before`: what stood there; null at creation. What it said already is not judged again, so that an object whose
    /// surroundings went away can still be changed.
    Status check(const model::KindInfo& kind, const json& object, const json* before) const;

private:
    keyspace::Keyspace& store_;
};

} // namespace nova::api
