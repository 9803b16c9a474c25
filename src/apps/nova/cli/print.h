#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include "apps/nova/cli/invocation.h"
#include "model/registry.h"

namespace nova::app {

/// Objects of one kind in the asked form, as text that ends in a line break. json and yaml: one object as itself, several as a
/// List; name: "vm/probe" a line.
std::string print_objects(const model::KindInfo& kind, const std::vector<nlohmann::json>& objects, Output output);

/// One object, never as a List.
std::string print_object(const model::KindInfo& kind, const nlohmann::json& object, Output output);

/// json or yaml of any document: an object at its root, so that it can grow.
std::string print_document(const nlohmann::json& document, Output output);

/// The cells of an object's row, in the order of the kind's columns that this output shows.
std::vector<std::string> row_of(const model::KindInfo& kind, const nlohmann::json& object, Output output);
std::vector<std::string> header_of(const model::KindInfo& kind, Output output);

} // namespace nova::app
