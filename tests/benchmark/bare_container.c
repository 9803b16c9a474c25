// The floor under `nb run`: what the kernel takes for the default spec's namespaces and mounts, with nothing of a runtime.
//
//   bare_container ROOTFS PROGRAM
//
// clone3, the mounts of `nb spec`, six device nodes, pivot_root, exec; the parent waits. No config, no record, no cgroup, no
// seccomp, no hidden paths, no capabilities, no check of any path: nothing here is safe to use for more than measuring.
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(int result, const char* what)
{
    if (result >= 0)
        return;
    perror(what);
    _exit(1);
}

static void mount_all(void)
{
    unsigned long const safe = MS_NOSUID | MS_NOEXEC | MS_NODEV;
    must(mount("proc", "proc", "proc", safe, NULL), "proc");
    must(mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k"), "dev");
    must(mkdir("dev/pts", 0755), "dev/pts");
    must(mkdir("dev/shm", 0755), "dev/shm");
    must(mkdir("dev/mqueue", 0755), "dev/mqueue");
    must(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5"), "dev/pts");
    must(mount("shm", "dev/shm", "tmpfs", safe, "mode=1777,size=65536k"), "dev/shm");
    must(mount("mqueue", "dev/mqueue", "mqueue", safe, NULL), "dev/mqueue");
    must(mount("sysfs", "sys", "sysfs", safe | MS_RDONLY, NULL), "sys");
    static struct {
        const char* path;
        unsigned major, minor;
    } const devices[] = {{"dev/null", 1, 3},   {"dev/zero", 1, 5},    {"dev/full", 1, 7},
                         {"dev/random", 1, 8}, {"dev/urandom", 1, 9}, {"dev/tty", 5, 0}};
    for (size_t i = 0; i < sizeof devices / sizeof *devices; ++i)
        must(mknod(devices[i].path, S_IFCHR | 0666, makedev(devices[i].major, devices[i].minor)), devices[i].path);
}

static void be_container(const char* rootfs, char** argv)
{
    must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
    must(mount(rootfs, rootfs, NULL, MS_BIND, NULL), "bind");
    must(chdir(rootfs), "chdir");
    mount_all();
    must(mount(NULL, ".", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), "read-only");
    must((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
    must(umount2(".", MNT_DETACH), "leave the old root");
    must(chdir("/"), "chdir /");
    must(sethostname("nb", 2), "hostname");
    execv(argv[0], argv);
    perror(argv[0]);
    _exit(1);
}

int main(int argc, char** argv)
{
    if (argc < 3) {
        fputs("usage: bare_container ROOTFS PROGRAM\n", stderr);
        return 2;
    }
    struct clone_args arguments = {.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP,
                                   .exit_signal = SIGCHLD};
    long const pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    must((int)pid, "clone3");
    if (pid == 0)
        be_container(argv[1], argv + 2);
    int status = 0;
    must(waitpid((pid_t)pid, &status, 0), "wait");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
