#include "runtime/new_network.h"

#include <sched.h>

#include "sys/namespace.h"
#include "sys/netns.h"

namespace nova::runtime {

bool may_make_network_apart(const NamespacePlan& plan)
{
    return (plan.fresh & CLONE_NEWNET) != 0 && !plan.has(CLONE_NEWUSER) && !plan.needs_process_between() &&
           sys::is_in_first_user_namespace();
}

Result<sys::UniqueFd> make_network()
{
    auto const own = TRY(sys::open_own_netns());
    TRY(sys::enter_new_netns());
    auto made = sys::open_own_netns();
    TRY(sys::enter_netns(own.get()).context("come back from the container's network"));
    return made;
}

} // namespace nova::runtime
