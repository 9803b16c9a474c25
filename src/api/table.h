#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "api/message.h"
#include "model/registry.h"

namespace nova::api {

enum class RowObject { none, metadata, whole }; ///< What each row carries beside its cells (includeObject).

struct TableFormat {
    RowObject rows = RowObject::metadata;
};

/// Whether the client asked for a Table. Errors: never; empty where it takes plain JSON.
std::optional<TableFormat> table_wanted(const Request& request);

/// A meta.k8s.io/v1 Table of the objects, with the columns of their kind. `list_meta` becomes the table's metadata.
json make_table(const model::KindInfo& kind, const std::vector<json>& objects, const json& list_meta, const TableFormat& format);

/// "45s", "12m", "3h5m", "2d4h", "400d": as kubectl shows an age.
std::string human_age(std::chrono::seconds age);

} // namespace nova::api
