#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/oci_config.h"
#include "sys/link_move.h"

namespace nova::runtime {

using base::Result;
using base::Status;

/// linux.netDevices: links of ours that go into the container, and come back where its creation fails. Once it runs they are its
/// own: the kernel decides what becomes of them with its namespace.
class NetDevices {
public:
    /// Moves them, in the order of their names, into the network namespace of the process. Each keeps its lasting addresses and
    /// is up there. Errors: not_found - there is no such link; already_exists - its name is taken there.
    Status move(const std::map<std::string, model::oci::NetDevice>& devices, pid_t process, int pidfd);

    /// Those that were moved, with their names, addresses and state. What does not succeed is passed over.
    void move_back();

private:
    struct Moved {
        std::string name;
        bool up = false;
        int index = 0; ///< There.
        std::vector<sys::KeptAddress> addresses;
    };

    Status move_one(const std::string& name, const std::string& name_there, pid_t process);
    Status move_one_back(const Moved& moved);
    Result<int> find_new(const std::vector<sys::Link>& before);

    std::optional<sys::Netlink> here_;
    std::optional<sys::Netlink> there_;
    std::vector<Moved> moved_;
};

} // namespace nova::runtime
