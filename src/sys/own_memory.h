#pragma once

namespace nova::sys {

/// Unmaps the pages of our program's code that starting touched; the few that a waiting process needs come back by themselves.
/// For small processes that live long: their resident size is mostly code they never run again. Failure is no harm.
void drop_code_pages();

} // namespace nova::sys
