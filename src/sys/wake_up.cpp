#include "sys/wake_up.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace nova::sys {
namespace {

constexpr auto slice_nanoseconds = std::uint64_t{100'000}; // The least the kernel takes.
constexpr auto reset_on_fork = std::uint64_t{1};           // SCHED_FLAG_RESET_ON_FORK

/// struct sched_attr of linux/sched/types.h, which cannot be included beside the C library's <sched.h>.
struct Attributes {
    std::uint32_t size;
    std::uint32_t policy; ///< 0: SCHED_OTHER.
    std::uint64_t flags;
    std::int32_t nice;
    std::uint32_t priority;
    std::uint64_t runtime; ///< Of SCHED_OTHER: the slice.
    std::uint64_t deadline;
    std::uint64_t period;
};

} // namespace

void wake_up_quickly()
{
    Attributes attributes{};
    if (::syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0 || attributes.policy != 0)
        return; // Somebody gave us another class, which is for him to choose.
    attributes.size = sizeof attributes;
    attributes.flags = reset_on_fork;
    attributes.runtime = slice_nanoseconds;
    (void)::syscall(SYS_sched_setattr, 0, &attributes, 0); // A wish: where it is refused all still works.
}

} // namespace nova::sys
