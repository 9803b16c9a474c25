#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/abort_guard_testing.h"
#include "network/networks.h"
#include "sys/child.h"
#include "sys/unique_fd.h"

namespace nova::network {

/// A network namespace, and a mount namespace, of one test: it may do there what it likes. Nothing of it is left after.
class Playground : public testing::Test {
protected:
    void SetUp() override;
    void TearDown() override;
    base::Status remove_all() const; ///< What of it lies in the file system.

    /// A Nova of its own under <root>/<instance>.
    std::unique_ptr<Networks> open(const std::string& instance = "0000aaaa");
    Options options_of(const std::string& instance) const;

    static SwitchPlan nat(const std::string& name = "lab", const std::string& subnet_start = "10.88.0");
    static EndpointPlan plug(const std::string& name, const SwitchPlan& on, int host);

    /// Another network namespace, joined to ours by a link `link` with our address .1 and its address .2.
    std::string make_neighbour(const std::string& link, const std::string& subnet_start);

    /// A socket that listens in the namespace ("": ours) on every address.
    sys::UniqueFd listen(const std::string& netns, int port);
    /// The address that the listener sees when it is reached; "" where it can't be.
    std::string reach(const std::string& netns, const sys::UniqueFd& listener, const std::string& address, int port);
    /// Nothing of it arrived for a while.
    bool is_out_of_reach(const std::string& netns, const sys::UniqueFd& listener, const std::string& address, int port);

    /// Runs a program in a namespace ("": ours) to its end: all it printed.
    std::string run_in(const std::string& netns, const std::vector<std::string>& argv);

    /// All links, addresses, routes and rules of the namespace ("": ours), as text. Without counters and changing numbers.
    std::string dump(const std::string& netns = {});

    std::string root;
    sys::UniqueFd home;
    sys::UniqueFd program; ///< This very test program, which is nb when it is called `endpoint`.
    base::AbortGuard const guard{[this] { (void)remove_all(); }};

private:
    std::string reach_within(int most_ms, const std::string& netns, const sys::UniqueFd& listener, const std::string& address,
                             int port);
};

/// True as soon as it holds.
bool eventually(const std::function<bool()>& holds);

/// Hears of every change of links, addresses, routes and rules in the current namespace from its making on.
class ChangeListener {
public:
    ChangeListener();
    int count();   ///< Messages since the last call.
    void settle(); ///< Forgets what comes until none came for a while: the kernel tells of links late that come up.

private:
    sys::UniqueFd route_;
    sys::UniqueFd rules_;
};

} // namespace nova::network
