#pragma once

#include <string>
#include <vector>

#include "network/networks.h"

namespace nova::network {

/// The state files: one <directory>/<switch>.json for each switch that shall be. They may have been edited, or torn, by anyone.
class SwitchStore {
public:
    explicit SwitchStore(std::string directory) : directory_(std::move(directory)) {}

    /// All that can be read, by name, and an error for each that can't.
    struct Content {
        std::vector<SwitchPlan> plans;
        std::vector<std::string> broken_names;
        std::vector<base::Error> broken;
        const SwitchPlan* find(const std::string& name) const;
        bool mentions(const std::string& name) const; ///< Also if its file is broken.
    };
    Result<Content> load() const;

    Status put(const SwitchPlan& plan) const;     ///< Writes nothing where the file says the same.
    Status remove(const std::string& name) const; ///< Accepts absence.
    Status sweep() const;                         ///< Removes what a kill left that struck while a file was written.

private:
    std::string path_of(const std::string& name) const { return directory_ + "/" + name + ".json"; }
    Result<SwitchPlan> read(const std::string& name) const;

    std::string directory_;
};

} // namespace nova::network
