#pragma once

/// Starting again as a program that can't be written (see memfd.h), before the C library is set up.
///
/// A program that starts itself again pays for its own start twice, and most of that is the C library asking the processor for
/// its features: under a hypervisor each question is an exit, 0.3 ms in all. So a statically linked program may take
/// `nova_early_start` as its entry. It starts the program again at once where that is not sealed yet, and
/// - one of `nova_early_seal_words` is an argument or, where it is an option, begins one, or one of `nova_early_last_words` is
/// the last argument but one and
///   `nova_early_last_file` lies in the working directory;
/// - none of `nova_early_plain_words` begins an argument.
/// Where anything fails it does nothing: whoever needs the seal still has to ask own_program_is_sealed(). A program that was
/// started so does not know where it lies.
extern "C" {

/// The program's own: the words that ask for it and those that forbid it, each list ended by nullptr.
extern const char* const nova_early_seal_words[];
extern const char* const nova_early_last_words[];
extern const char nova_early_last_file[];
extern const char* const nova_early_plain_words[];

/// To be given to the linker as the entry. Goes on to _start.
void nova_early_start();
}
