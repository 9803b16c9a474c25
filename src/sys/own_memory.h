#pragma once

namespace nova::sys {

/// Unmaps the pages of our program's code that starting touched; the few that a waiting process needs come back by themselves.
/// For small processes that live long: their resident size is mostly code they never run again. Failure is no harm.
void drop_code_pages();

/// The same for a static program in the midst of its work: lets go of the code that its start needed, and now nobody. The kernel
/// maps sixteen pages where one is used. Cost: 10 microseconds, and a fault for each place that is used again.
void drop_start_pages();

} // namespace nova::sys
