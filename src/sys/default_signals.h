#pragma once

namespace nova::sys {

/// Every handler, ignored signal and blocked signal back to the default, also the two that the C library keeps for itself and
/// whose being ignored a parent may have left us: exec(2) keeps that. For processes with one thread, and safe between clone(2)
/// and exec(2). KILL and STOP stay what they are.
void reset_signals();

/// SIGCHLD alone back to its default. A caller that ignored it leaves us that, and the kernel then reaps our children itself, so
/// that nobody learns how they ended.
void keep_ends_of_children();

/// Ends the process (exit code 128 and the number) at each signal whose default that is, though it is the init of a pid
/// namespace, which the kernel spares without a handler. Until reset_signals() or exec(2).
void end_on_signals();

} // namespace nova::sys
