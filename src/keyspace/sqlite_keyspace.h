#pragma once

#include "keyspace/keyspace.h"
#include "keyspace/store_file.h"

namespace nova::keyspace {

/// open_keyspace with the settings that tests change.
Result<std::unique_ptr<Keyspace>> open_sqlite_keyspace(const std::string& directory, const StoreOptions& options);

} // namespace nova::keyspace
