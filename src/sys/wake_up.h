#pragma once

namespace nova::sys {

/// Asks that this thread, when it wakes, runs soon although others keep the processors busy (virtual machines do): a slice of 0.1
/// ms, where the usual one lets whoever runs go on for about 3 ms per wake-up (sched(7), EEVDF, Linux 6.12; before that it has no
/// effect). For threads that work shortly and sleep often. Not passed on to threads and processes that it starts.
void wake_up_quickly();

} // namespace nova::sys
