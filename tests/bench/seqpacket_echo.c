/* Round trips of 100 bytes over a SOCK_SEQPACKET pair to a forked child: the
 * floor that a call over such a socket stands on. Prints nanoseconds a trip.
 * Arguments: trips, bytes, and for how many microseconds to rest before each. With
 * "asked" for the rest, each trip waits for a byte of stdin and is told by itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char room[65536];

static double since(struct timespec from) {
    struct timespec to;
    clock_gettime(CLOCK_MONOTONIC, &to);
    return (to.tv_sec - from.tv_sec) * 1e9 + (to.tv_nsec - from.tv_nsec);
}

static double pause_for(useconds_t rest) {
    struct timespec from;
    clock_gettime(CLOCK_MONOTONIC, &from);
    usleep(rest);
    return since(from);
}

static void trip(int end, size_t size) {
    if (send(end, room, size, 0) != (ssize_t)size) exit(1);
    if (recv(end, room, sizeof room, 0) != (ssize_t)size) exit(1);
}

static int when_asked(int end, size_t size) {
    struct timespec from;
    char byte;
    while (read(0, &byte, 1) == 1) {
        clock_gettime(CLOCK_MONOTONIC, &from);
        trip(end, size);
        printf("%.0f\n", since(from));
        fflush(stdout);
    }
    return 0;
}

int main(int argc, char **argv) {
    int trips = argc > 1 ? atoi(argv[1]) : 1000, pair[2];
    size_t size = argc > 2 ? (size_t)atoi(argv[2]) : 100;
    useconds_t rest = argc > 3 ? (useconds_t)atoi(argv[3]) : 0;
    struct timespec from;
    double rested = 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair)) return 1;
    if (!fork()) {
        ssize_t got;
        close(pair[0]);
        while ((got = recv(pair[1], room, sizeof room, 0)) > 0)
            if (send(pair[1], room, (size_t)got, 0) != got) _exit(1);
        _exit(0);
    }
    close(pair[1]);
    memset(room, 'x', sizeof room);
    if (argc > 3 && !strcmp(argv[3], "asked")) return when_asked(pair[0], size);
    for (int i = -trips / 10; i < trips; i++) {
        double paused = rest ? pause_for(rest) : 0;
        if (i == 0) clock_gettime(CLOCK_MONOTONIC, &from);
        if (i > 0) rested += paused;
        trip(pair[0], size);
    }
    double spent = since(from);
    close(pair[0]);
    wait(NULL);
    printf("%.0f\n", (spent - rested) / trips);
    return 0;
}
