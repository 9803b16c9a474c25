#pragma once

#include <memory>
#include <optional>

#include "api/message.h"
#include "api/selector.h"
#include "api/table.h"
#include "keyspace/keyspace.h"
#include "model/registry.h"

namespace nova::api {

struct WatchOptions {
    std::string space; ///< Empty: all.
    Selector selector;
    std::optional<keyspace::Revision> from; ///< Changes after this. Empty: what is there first, as ADDED, then what follows.
    bool bookmarks = false;
    bool mark_initial_end = false; ///< After what was there, a BOOKMARK annotated "k8s.io/initial-events-end".
    bool skip_initial = false;     ///< Without `from`: only what follows.
    std::optional<std::chrono::seconds> timeout;
    std::optional<TableFormat> table;
};

/// Changes of one kind as lines {"type","object"}. What is there is read in pages when the reader wants them, never all at once.
/// Errors: out_of_range - the revision is too old.
Result<std::unique_ptr<BodySource>> open_watch(keyspace::Keyspace& store, const model::KindInfo& kind, WatchOptions options);

} // namespace nova::api
