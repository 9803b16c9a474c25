#pragma once

#include <string>

#include "base/result.h"
#include "model/registry.h"

namespace nova::app {

/// What people call a kind here: "container", "vm", "network".
std::string word_for(const model::KindInfo& kind);

/// An error for a person. Where the API says in Kubernetes' words that an object is not there (pods "web" not found), it is said
/// in those of this command line, with the command that shows what there is.
std::string words_of(const base::Error& error);

} // namespace nova::app
