#pragma once

#include <string>
#include <vector>

#include "apps/nebulon/metadata.h"
#include "runtime/globals.h"
#include "sys/unique_fd.h"

namespace nova::nebulon {

/// Where everything lies, below one directory.
struct Places {
    std::string root; ///< Absolute; /var/lib/nebulon by default.

    std::string rootfs() const { return root + "/rootfs"; } ///< The root of containers that name none.
    std::string containers() const { return root + "/containers"; }
    std::string images() const { return root + "/images"; }
    std::string volumes() const { return root + "/volumes"; }
    std::string runtime_state() const { return root + "/run"; } ///< nb's --root.
    std::string container(const std::string& id) const { return containers() + "/" + id; }
};

/// Below which named volumes lie: the driver by which they are kept.
constexpr const char* volume_space = "local";

/// The containers of one directory. Each is a directory that comes and goes in one step: a kill leaves all of it, or nothing that
/// counts. What runs is asked of the runtime's state and the kernel; metadata.json is set right where it says something else.
class Store {
public:
    /// Makes the directories where they are missing.
    static Result<Store> make(Places places);

    /// Errors: not_found - the place has not been made one of Nebulon.
    static Result<Store> open(Places places);

    const Places& places() const { return places_; }

    /// Keeps other commands waiting until the handle dies; also sweeps away what a killed one left half made.
    Result<sys::UniqueFd> lock() const;

    /// A new id, and its directory with its metadata. Needs the lock.
    Result<Container> create(ContainerConfig config) const;

    Result<std::vector<std::string>> list() const;

    /// As metadata.json has it. Errors: invalid_argument - no id; not_found; data_loss.
    Result<Container> read(const std::string& id) const;

    /// The same, set right by what is really there. Takes the lock for that; don't hold it.
    Result<Container> observe(const std::string& id) const;

    Status write(const Container& container) const;

    /// The right to start or remove it, which its runner keeps until it ends; takes away what a killed one left in the runtime.
    /// Errors: failed_precondition - it runs, or is about to.
    Result<sys::UniqueFd> claim(const std::string& id) const;

    /// Needs the lock, and the claim.
    Status remove(const std::string& id) const;

    /// Those that use a volume or an image, with their ids. Needs the lock, so that none comes meanwhile.
    Result<std::vector<std::string>> users_of_volume(const std::string& name) const;
    Result<std::vector<std::string>> users_of_image(const std::string& reference) const;

    runtime::Globals runtime_globals() const;

private:
    explicit Store(Places places) : places_(std::move(places)) {}
    Places places_;
};

} // namespace nova::nebulon
