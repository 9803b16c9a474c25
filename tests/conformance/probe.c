// Asks the kernel, from inside a container, what a shell can't ask. Static, so that it needs nothing of the root.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// probe call NUMBER [ARGUMENT...]: the system call's result, or -ERRNO.
static int call(int count, char **words) {
  unsigned long value[7] = {0};
  for (int i = 0; i < count && i < 7; ++i) value[i] = strtoul(words[i], 0, 0);
  long got = syscall((long)value[0], value[1], value[2], value[3], value[4], value[5], value[6]);
  printf("%ld\n", got == -1 ? -(long)errno : got);
  return 0;
}

static long number;
static void trapped(int signal, siginfo_t *info, void *context) {
  (void)signal, (void)context;
  printf("trapped %d\n", info->si_syscall);
  fflush(stdout);
  _exit(0);
}

// probe trap NUMBER: waits for SIGSYS from the call, and says which call it came from.
static int trap(char **words) {
  struct sigaction action = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO};
  sigaction(SIGSYS, &action, 0);
  syscall(strtol(words[0], 0, 0), -1, 0, 0);
  puts("not trapped");
  return 1;
}

static void *in_thread(void *unused) {
  (void)unused;
  syscall(number, -1, 0, 0);
  return (void *)1;
}

// probe thread NUMBER: makes the call in a second thread; says whether the process outlives it.
static int thread(char **words) {
  number = strtol(words[0], 0, 0);
  pthread_t other;
  pthread_create(&other, 0, in_thread, 0);
  for (int i = 0; i < 200; ++i) {
    char path[64];
    struct stat found;
    snprintf(path, sizeof path, "/proc/self/task");
    if (stat(path, &found) == 0 && found.st_nlink == 3) break;
    usleep(10000);
  }
  puts("the process lives");
  fflush(stdout);
  _exit(0);
}

// probe traced NUMBER: makes the call in a child that is traced, and says what data the filter gave the tracer.
static int traced(char **words) {
  pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    _exit(syscall(strtol(words[0], 0, 0), -1, 0, 0) == 0 ? 0 : 1);
  }
  int status;
  waitpid(child, &status, 0);
  ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL);
  ptrace(PTRACE_CONT, child, 0, 0);
  waitpid(child, &status, 0);
  unsigned long data = 0;
  if (status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8)) ptrace(PTRACE_GETEVENTMSG, child, 0, &data);
  printf("%lu\n", data);
  return 0;
}

static int memory_policy(void) {
  int mode = -1;
  unsigned long nodes[16] = {0};
  if (syscall(SYS_get_mempolicy, &mode, nodes, sizeof nodes * 8, 0, 0) != 0) return perror("get_mempolicy"), 1;
  printf("%d %lu\n", mode, nodes[0]);
  return 0;
}

struct attributes {
  unsigned size, policy;
  unsigned long long flags;
  int nice;
  unsigned priority;
  unsigned long long runtime, deadline, period;
  unsigned util_min, util_max;
};

static int scheduler(void) {
  struct attributes got = {0};
  if (syscall(SYS_sched_getattr, 0, &got, sizeof got, 0) != 0) return perror("sched_getattr"), 1;
  printf("policy %u nice %d priority %u flags %llu runtime %llu deadline %llu period %llu\n", got.policy, got.nice, got.priority, got.flags, got.runtime,
         got.deadline, got.period);
  return 0;
}

static int clocks(void) {
  struct timespec monotonic, boot;
  clock_gettime(CLOCK_MONOTONIC, &monotonic);
  clock_gettime(CLOCK_BOOTTIME, &boot);
  printf("%lld %lld\n", (long long)monotonic.tv_sec, (long long)boot.tv_sec);
  return 0;
}

// probe descriptors: those that are open, but for standard ones.
static int descriptors(void) {
  for (int fd = 3; fd < 4096; ++fd)
    if (fcntl(fd, F_GETFD) != -1) printf("%d\n", fd);
  return 0;
}

static int limits(void) {
  for (int kind = 0; kind < RLIM_NLIMITS; ++kind) {
    struct rlimit got;
    getrlimit(kind, &got);
    printf("%d %llu %llu\n", kind, (unsigned long long)got.rlim_cur, (unsigned long long)got.rlim_max);
  }
  return 0;
}

int main(int count, char **words) {
  const char *what = count > 1 ? words[1] : "";
  setvbuf(stdout, 0, _IOLBF, 0);
  if (!strcmp(what, "call")) return call(count - 2, words + 2);
  if (!strcmp(what, "trap")) return trap(words + 2);
  if (!strcmp(what, "thread")) return thread(words + 2);
  if (!strcmp(what, "traced")) return traced(words + 2);
  if (!strcmp(what, "memory-policy")) return memory_policy();
  if (!strcmp(what, "scheduler")) return scheduler();
  if (!strcmp(what, "io-priority")) return printf("%ld\n", syscall(SYS_ioprio_get, 1, 0)) < 0;
  if (!strcmp(what, "clocks")) return clocks();
  if (!strcmp(what, "descriptors")) return descriptors();
  if (!strcmp(what, "limits")) return limits();
  if (!strcmp(what, "personality")) return printf("%#x\n", personality(0xffffffff)) < 0;
  if (!strcmp(what, "lines")) { // Each word by itself, so that blanks in them show.
    for (int i = 2; i < count; ++i) printf("[%s]\n", words[i]);
    return 0;
  }
  fprintf(stderr, "probe: unknown question %s\n", what);
  return 64;
}
