/* A C program's cheapest worker: fork, one byte back through a pipe, the end.
   argv[1] times, with argv[2] microseconds of rest before each; prints the median
   in nanoseconds. */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int ascending(const void *a, const void *b) {
    long x = *(const long *)a, y = *(const long *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    int rounds = argc > 1 ? atoi(argv[1]) : 1;
    int rest = argc > 2 ? atoi(argv[2]) : 0;
    long *taken = malloc(sizeof(long) * rounds);
    for (int i = 0; i < rounds; i++) {
        struct timespec a, b;
        int ends[2];
        char byte;
        if (rest) usleep(rest);
        clock_gettime(CLOCK_MONOTONIC, &a);
        if (pipe(ends)) return 1;
        pid_t pid = fork();
        if (pid < 0) return 1;
        if (!pid) {
            if (write(ends[1], "x", 1) != 1) _exit(1);
            _exit(0);
        }
        if (read(ends[0], &byte, 1) != 1) return 1;
        clock_gettime(CLOCK_MONOTONIC, &b);
        close(ends[0]);
        close(ends[1]);
        waitpid(pid, NULL, 0);
        taken[i] = (b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec;
    }
    qsort(taken, rounds, sizeof(long), ascending);
    printf("%ld\n", taken[rounds / 2]);
    return 0;
}
