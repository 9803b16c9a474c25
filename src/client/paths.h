#pragma once

#include <string>

#include "base/result.h"
#include "model/object.h"
#include "model/registry.h"

namespace nova::client {

/// "/apis/nanocloud.io/v1/namespaces/default/networks"; without a namespace: all of them.
std::string collection_path(const model::KindInfo& kind, const std::string& space);

/// Errors: invalid_argument - there is no such kind, or the key has no name.
base::Result<std::string> object_path(const model::Key& key, const std::string& subresource = "");

/// Errors: invalid_argument.
base::Result<const model::KindInfo*> kind_named(std::string_view kind);

} // namespace nova::client
