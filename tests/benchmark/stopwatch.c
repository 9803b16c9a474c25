// Measures short-lived programs side by side; for tests/benchmark/container_figures.py.
//
//   stopwatch pairs ROUNDS CONTESTANT [-- CONTESTANT]...
//   stopwatch swarm COUNT AT_ONCE COMMAND...
//
// pairs: a contestant is a command, or several of them that count together: "," goes on at once, ";" first waits, without
// counting it, until all processes have ended that the commands so far left behind. Who is first changes with the round; three
// rounds warm up. One line a round: for each contestant "NUMBER MICROSECONDS PROCESSOR KIB": which one it is, its time, how much
// of that a processor worked for any of its processes, and the largest resident size of one.
//
// swarm: runs the command COUNT times, AT_ONCE of them side by side, with "{}" in a word replaced by the run's number. One line
// a run, in the order of their ends: "MICROSECONDS PROCESSOR SINCE", how long it took, how much of that a processor worked for it
// (not for what it left behind), and when it was over.
//
// A small static C program, because a process's peak counts what it was before it called exec, and because starting a process
// from Python costs as much as what is measured.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char** environ;

static FILE* output;

enum { most_words = 256, most_at_once = 64, warm_up = 3 };

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void fail(const char* what, char** command, int status)
{
    fprintf(stderr, "stopwatch: %s %s ...: %d\n", what, command[0], status);
    exit(1);
}

static pid_t start(char** command)
{
    pid_t pid = 0;
    int const errnum = posix_spawn(&pid, command[0], NULL, NULL, command, environ);
    if (errnum != 0)
        fail("start", command, errnum);
    return pid;
}

struct cost {
    double took;
    double processor;
    long peak;
};

static double microseconds_of(struct timeval time) { return (double)time.tv_sec * 1e6 + (double)time.tv_usec; }

static void add_usage(struct cost* cost, const struct rusage* usage)
{
    cost->processor += microseconds_of(usage->ru_utime) + microseconds_of(usage->ru_stime);
    if (usage->ru_maxrss > cost->peak)
        cost->peak = usage->ru_maxrss;
}

static void finish(pid_t pid, char** command, struct cost* cost)
{
    struct rusage usage;
    int status = 0;
    while (wait4(pid, &status, 0, &usage) < 0)
        if (errno != EINTR)
            fail("wait for", command, errno);
    if (status != 0)
        fail("exit of", command, status);
    add_usage(cost, &usage);
}

/// What lost its parent is ours: we are a subreaper.
static void reap_all(struct cost* cost)
{
    struct rusage usage;
    while (wait4(-1, NULL, 0, &usage) > 0)
        add_usage(cost, &usage);
}

/// Runs words[0..count): commands with "," or ";" between them.
static struct cost run_contestant(char** words, int count)
{
    char* command[most_words];
    int length = 0;
    struct cost cost = {0};
    for (int i = 0; i <= count; ++i) {
        int const waits = i == count || strcmp(words[i], ";") == 0;
        if (!waits && strcmp(words[i], ",") != 0 && length < most_words - 1) {
            command[length++] = words[i];
            continue;
        }
        command[length] = NULL;
        length = 0;
        double const begun = now();
        finish(start(command), command, &cost);
        cost.took += now() - begun;
        if (waits)
            reap_all(&cost);
    }
    return cost;
}

static int pairs(int rounds, char** words, int count)
{
    char** begin[16];
    int length[16];
    int contestants = 0;
    begin[0] = words;
    for (int i = 0; i <= count; ++i)
        if (i == count || strcmp(words[i], "--") == 0) {
            length[contestants] = (int)(words + i - begin[contestants]);
            begin[++contestants] = words + i + 1;
        }
    for (int round = -warm_up; round < rounds; ++round) {
        int const first = (round + warm_up) % contestants;
        for (int i = 0; i < contestants; ++i) {
            int const who = (first + i) % contestants;
            struct cost const cost = run_contestant(begin[who], length[who]);
            if (round >= 0)
                fprintf(output, "%d %.1f %.1f %ld ", who, cost.took, cost.processor, cost.peak);
        }
        if (round >= 0)
            fputs("\n", output);
        fflush(output);
    }
    return 0;
}

struct run {
    pid_t pid;
    double begun;
};

static void begin_run(struct run* run, char** words, int count, int number)
{
    static char texts[most_words][512];
    char* command[most_words];
    for (int i = 0; i < count; ++i) {
        char* const place = strstr(words[i], "{}");
        command[i] = words[i];
        if (place) {
            snprintf(texts[i], sizeof texts[i], "%.*s%d%s", (int)(place - words[i]), words[i], number, place + 2);
            command[i] = texts[i];
        }
    }
    command[count] = NULL;
    run->begun = now();
    run->pid = start(command);
}

static int swarm(int total, int at_once, char** words, int count)
{
    static struct run runs[most_at_once];
    int started = 0;
    int ended = 0;
    double const begun = now();
    for (; started < at_once && started < total; ++started)
        begin_run(&runs[started], words, count, started);
    while (ended < total) {
        int status = 0;
        struct rusage usage;
        pid_t const pid = wait4(-1, &status, 0, &usage);
        if (status != 0)
            fail("exit of", words, status);
        for (int i = 0; i < at_once; ++i) {
            if (runs[i].pid != pid)
                continue; // Also where a container's process has ended, which is our child since its runtime went.
            struct cost cost = {0};
            add_usage(&cost, &usage);
            fprintf(output, "%.1f %.1f %.1f\n", now() - runs[i].begun, cost.processor, now() - begun);
            runs[i].pid = 0;
            ++ended;
            if (started < total)
                begin_run(&runs[i], words, count, started++);
        }
    }
    return 0;
}

int main(int argc, char** argv)
{
    // On a busy machine one would measure how long each waits for a processor. Where it is not allowed: never mind. Not a
    // real-time class: a cgroup of version 1 without a share of real time refuses such a process.
    (void)setpriority(PRIO_PROCESS, 0, -20);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    // A container that outlives us must not hold the reader of our lines.
    int const lines = fcntl(1, F_DUPFD_CLOEXEC, 3);
    int const nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (lines < 0 || nothing < 0 || dup2(nothing, 1) < 0 || !(output = fdopen(lines, "w")))
        return 1;
    if (argc > 3 && strcmp(argv[1], "pairs") == 0)
        return pairs(atoi(argv[2]), argv + 3, argc - 3);
    if (argc > 4 && strcmp(argv[1], "swarm") == 0 && atoi(argv[3]) <= most_at_once && argc < most_words)
        return swarm(atoi(argv[2]), atoi(argv[3]), argv + 4, argc - 4);
    fputs("usage: stopwatch pairs ROUNDS COMMAND [-- COMMAND]... | stopwatch swarm COUNT AT_ONCE COMMAND...\n", stderr);
    return 2;
}
