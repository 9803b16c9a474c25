#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "network/mark.h"
#include "sys/link.h"
#include "sys/netlink_events.h"
#include "sys/poll.h"

namespace nova::network {

/// Hears when links of one Nova are taken away or put down, or its rules are changed, by whomever: by ourselves too, so who is
/// told must look before it acts. What happens to the links and rules of others tells nobody. A thread that sleeps while nothing
/// happens, and however much happens tells at most ten times a second.
class KernelWatch {
public:
    /// What to look at: the id of an endpoint whose link is gone, or empty for the switches and their rules.
    using Tell = std::function<void(const std::string& endpoint)>;

    /// Errors: permission_denied.
    static Result<std::unique_ptr<KernelWatch>> start(const std::string& instance, Tell tell);
    ~KernelWatch(); ///< After it nobody is told any more.
    KernelWatch(const KernelWatch&) = delete;
    KernelWatch& operator=(const KernelWatch&) = delete;

private:
    struct Known {
        std::string name;
        Mark mark;
    };

    KernelWatch(std::string instance, Tell tell, sys::NetlinkEvents links, sys::NetlinkEvents rules, sys::Loop loop);
    Status begin();
    Status look();
    void run();
    void rest();
    void hear_links();
    void hear_rules();
    void heard_link(const sys::NetlinkAnswer& message);
    void heard_bridge_port(const sys::NetlinkAnswer& message);
    void heard_address(const sys::NetlinkAnswer& message);
    void note(const Known& known);

    std::string instance_;
    Tell tell_;
    sys::NetlinkEvents links_;
    sys::NetlinkEvents rules_;
    sys::Loop loop_;
    std::map<int, Known> known_;      ///< Our links, by index.
    std::set<std::string> disturbed_; ///< What is to be told next.
    bool stopped_ = false;
    std::pair<sys::UniqueFd, sys::UniqueFd> stop_; ///< Its second end becomes readable when the first is closed.
    sys::Loop::Watch link_watch_, rule_watch_, stop_watch_;
    std::jthread thread_; // Last: ends first.
};

} // namespace nova::network
