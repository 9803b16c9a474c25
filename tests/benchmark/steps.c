// Runs a program, and all it starts, instruction by instruction, and writes the addresses it came by: for tools/order-nb.
//
//   steps FIRST LAST PROGRAM ARGUMENT...
//
// Prints each address between the two (hexadecimal) that was executed, once. Some ten microseconds an instruction.
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static void follow(pid_t first, unsigned long begin, unsigned long end, unsigned char* seen)
{
    int status = 0;
    pid_t pid = 0;
    while ((pid = waitpid(-1, &status, __WALL)) > 0) {
        if (!WIFSTOPPED(status)) {
            if (pid == first)
                return;
            continue;
        }
        unsigned long const at = (unsigned long)ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user_regs_struct, rip), 0);
        if (at >= begin && at < end)
            seen[at - begin] = 1;
        int const signal = WSTOPSIG(status);
        int const is_ours = signal == SIGTRAP || signal == SIGSTOP;
        ptrace(PTRACE_SINGLESTEP, pid, 0, is_ours ? 0 : signal);
    }
}

int main(int argc, char** argv)
{
    if (argc < 4) {
        fputs("usage: steps FIRST LAST PROGRAM ARGUMENT...\n", stderr);
        return 2;
    }
    unsigned long const begin = strtoul(argv[1], NULL, 16);
    unsigned long const end = strtoul(argv[2], NULL, 16);
    unsigned char* const seen = calloc(end - begin, 1);
    pid_t const pid = fork();
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        freopen("/dev/null", "w", stdout);
        execv(argv[3], argv + 3);
        _exit(127);
    }
    int status = 0;
    if (!seen || pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
        return 1;
    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_EXITKILL);
    ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
    follow(pid, begin, end, seen);
    for (unsigned long at = begin; at < end; ++at)
        if (seen[at - begin])
            printf("%lx\n", at);
    return 0;
}
