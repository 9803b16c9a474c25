#include "sys/early_seal.h"

#if defined(__x86_64__)

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

// Nothing here may need a C library that is set up: no call into it, no errno, no thread-local storage, no stack protector.

namespace {

using Word = unsigned long;

[[gnu::always_inline]] inline long call(long number, Word a = 0, Word b = 0, Word c = 0, Word d = 0, Word e = 0)
{
    register Word fourth asm("r10") = d;
    register Word fifth asm("r8") = e;
    long result = number;
    asm volatile("syscall" : "+a"(result) : "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth) : "rcx", "r11", "memory");
    return result;
}

[[gnu::always_inline]] inline Word word(const void* pointer) { return reinterpret_cast<Word>(pointer); }

[[gnu::always_inline]] inline bool begins(const char* text, const char* with)
{
    while (*with != '\0' && *text == *with)
        ++text, ++with;
    return *with == '\0';
}

[[gnu::always_inline]] inline bool any_begins(char** argv, const char* const* words)
{
    for (char** argument = argv + 1; argv[0] && *argument; ++argument)
        for (const char* const* word = words; *word; ++word)
            if (begins(*argument, *word) && (**word == '-' || begins(*word, *argument))) // Options may go on: "--bundle=here".
                return true;
    return false;
}

/// The last argument is no option, and the one before it is one of the words.
[[gnu::always_inline]] inline bool ends_with_one_of(char** argv, const char* const* words)
{
    char** last = argv;
    while (argv[0] && last[1])
        ++last;
    if (last - argv < 2 || **last == '-')
        return false;
    for (; *words; ++words)
        if (begins(last[-1], *words) && begins(*words, last[-1]))
            return true;
    return false;
}

[[gnu::always_inline]] inline bool is_here(const char* file)
{
    return call(SYS_faccessat, static_cast<Word>(AT_FDCWD), word(file), 0) == 0;
}

[[gnu::always_inline]] inline bool is_asked_for(char** argv)
{
    bool const asked = any_begins(argv, nova_early_seal_words) ||
                       (ends_with_one_of(argv, nova_early_last_words) && is_here(nova_early_last_file));
    return asked && !any_begins(argv, nova_early_plain_words);
}

[[gnu::always_inline]] inline bool is_on_read_only_mount(const char* file)
{
    struct statfs status;
    return call(SYS_statfs, word(file), word(&status)) < 0 || (status.f_flags & ST_RDONLY) != 0;
}

[[gnu::always_inline]] inline bool is_sealed_memory(long program)
{
    long const seals = call(SYS_fcntl, static_cast<Word>(program), F_GET_SEALS);
    return seals >= 0 && (seals & F_SEAL_WRITE) != 0;
}

} // namespace

extern "C" [[gnu::used, gnu::visibility("hidden"), gnu::optimize("no-stack-protector")]] void nova_seal_early(char** stack)
{
    char** const argv = stack + 1;
    char** const environment = argv + *reinterpret_cast<long*>(stack) + 1;
    static const char own[] = "/proc/self/exe";
    if (!is_asked_for(argv) || is_on_read_only_mount(own))
        return;
    static const char nothing[] = "";
    constexpr auto here = static_cast<Word>(AT_FDCWD);
    long const program = call(SYS_openat, here, word(own), O_RDONLY | O_CLOEXEC);
    if (program < 0)
        return;
    if (!is_sealed_memory(program)) {
        // It stays open beyond exec, until let_go_of_seal(): its end makes whoever closes it wait.
        long const mount = call(SYS_open_tree, static_cast<Word>(program), word(nothing), OPEN_TREE_CLONE | AT_EMPTY_PATH);
        if (mount >= 0 && mount <= 2) // A standard stream was closed: it must not become the container's.
            call(SYS_fcntl, static_cast<Word>(mount), F_SETFD, FD_CLOEXEC);
        struct mount_attr read_only;
        read_only.attr_set = MOUNT_ATTR_RDONLY;
        read_only.attr_clr = 0;
        read_only.propagation = 0;
        read_only.userns_fd = 0;
        if (mount >= 0 && call(SYS_mount_setattr, static_cast<Word>(mount), word(nothing), AT_EMPTY_PATH, word(&read_only),
                               sizeof read_only) >= 0)
            call(SYS_execveat, static_cast<Word>(mount), word(nothing), word(argv), word(environment), AT_EMPTY_PATH);
        if (mount >= 0)
            call(SYS_close, static_cast<Word>(mount));
    }
    call(SYS_close, static_cast<Word>(program));
}

// The stack and rdx are what _start expects to find as the kernel left them.
asm(R"(
    .globl nova_early_start
    .type nova_early_start, @function
nova_early_start:
    endbr64
    xor %ebp, %ebp
    mov %rsp, %rdi
    mov %rsp, %rbx
    mov %rdx, %r12
    and $-16, %rsp
    call nova_seal_early
    mov %rbx, %rsp
    mov %r12, %rdx
    jmp _start
    .size nova_early_start, .-nova_early_start
)");

#endif
