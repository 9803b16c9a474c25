#pragma once

#include <string>

#include "base/result.h"
#include "model/registry.h"

namespace nova::app {

/// What people call a kind here: "container", "vm", "network".
std::string word_for(const model::KindInfo& kind);

/// An error for a person. Where the API says in Kubernetes' words that an object is not there (pods "web" not found), or that it
/// is there already, this says it in those of the command line, with the command that helps on.
std::string words_of(const base::Error& error);

} // namespace nova::app
