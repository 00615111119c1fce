// Takes memory of the kernel in one of many ways; runs inside the sandbox: kernel_memory KIND MOST_MB PROCESSES.
//
// Each process takes up to MOST_MB (as the kernel counts it) and then waits. What is refused is said, and ends it.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define KB (1024L)
#define MB (1024L * 1024)
#define GB (1024L * MB)

static long most;
static char block[MB];

static void wait_for_ever(void) {
    for (;;) pause();
}

static void refused(const char *what) {
    printf("refused: %s: %s\n", what, strerror(errno));
    fflush(stdout);
    _exit(3);
}

// For what has run into a limit of its own: what was taken is kept.
static void enough(const char *what) {
    printf("enough: %s: %s\n", what, strerror(errno));
    fflush(stdout);
    wait_for_ever();
}

static void *map(long bytes, int protection, int flags, int fd) {
    return mmap(NULL, bytes, protection, flags | MAP_NORESERVE, fd, 0);
}

static void touch(volatile char *place, long bytes) {
    for (long at = 0; at < bytes; at += 4 * KB) place[at] = 1;
}

static void page_tables(void) {
    long pages = most / (4 * KB);
    volatile char *place = MAP_FAILED;
    while (place == MAP_FAILED && pages > 64) {
        place = map(pages * 2 * MB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1);
        if (place == MAP_FAILED) pages /= 2;
    }
    if (place == MAP_FAILED) refused("mmap");
    for (long i = 0; i < pages; i++) (void)place[i * 2 * MB];
}

static void page_tables_far_apart(void) {
    for (long taken = 0; taken < most; taken += 8 * KB) {
        long at = 0x100000000000L + (taken / (8 * KB)) * GB;
        volatile char *place = mmap((void *)at, 4 * KB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        if (place == MAP_FAILED) enough("mmap");
        (void)place[0];
    }
}

static void page_tables_of_files(void) {
    int fd = open("/usr/bin/env", O_RDONLY);
    for (long taken = 0; taken < most; taken += 4 * KB) {
        long at = 0x100000000000L + (taken / (4 * KB)) * 2 * MB;
        volatile char *place = mmap((void *)at, 4 * KB, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
        if (place == MAP_FAILED) enough("mmap");
        (void)place[0];
    }
}

static void fill(int fd) {
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (write(fd, block, 64 * KB) > 0) {
    }
    while (write(fd, block, 4 * KB) > 0) {
    }
}

static void pipes(int big) {
    for (long taken = 0; taken < most; taken += big ? MB : 64 * KB) {
        int ends[2];
        if (pipe(ends)) enough("pipe");
        if (big && fcntl(ends[1], F_SETPIPE_SZ, MB) < 0 && taken == 0) refused("F_SETPIPE_SZ");
        fill(ends[1]);
    }
}

static void sockets(int type, int big, int both) {
    int size = 1 << 30;
    for (long taken = 0; taken < most;) {
        int ends[2];
        if (socketpair(AF_UNIX, type, 0, ends)) {
            if (taken) enough("socketpair");
            refused("socketpair");
        }
        for (int end = 0; end <= both; end++) {
            if (big) setsockopt(ends[end], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
            fcntl(ends[end], F_SETFL, O_NONBLOCK);
            long sent;
            while ((sent = send(ends[end], block, type == SOCK_STREAM ? MB : 64 * KB, 0)) > 0) taken += sent;
        }
    }
}

static int send_descriptors(int through, int *fds, int count) {
    char space[CMSG_SPACE(sizeof(int) * 200)] = {0};
    char byte = 0;
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space};
    message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    struct cmsghdr *control = CMSG_FIRSTHDR(&message);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(control), fds, sizeof(int) * count);
    return sendmsg(through, &message, MSG_DONTWAIT);
}

static void in_flight(int of_pipes) {
    int carrier[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, carrier)) refused("socketpair");
    for (long taken = 0; taken < most; taken += of_pipes ? 64 * KB : 300 * KB) {
        int ends[2];
        if (of_pipes ? pipe(ends) : socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) enough("pair");
        fill(ends[1]);
        if (send_descriptors(carrier[0], ends, 2) < 0) {
            if (taken == 0) refused("SCM_RIGHTS");
            enough("SCM_RIGHTS");
        }
        close(ends[0]);
        close(ends[1]);
    }
}

static struct sockaddr_un own_address(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "socket%d", getpid());
    return address;
}

static void backlog(void) {
    int server = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = own_address();
    if (server < 0 || bind(server, (void *)&address, sizeof address) || listen(server, 4096)) refused("socket");
    for (long taken = 0; taken < most; taken += 300 * KB) {
        int client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (connect(client, (void *)&address, sizeof address)) enough("connect");
        fill(client);
        close(client);
    }
}

static void datagrams(void) {
    struct sockaddr_un address = own_address();
    for (long taken = 0; taken < most;) {
        int server = socket(AF_UNIX, SOCK_DGRAM, 0);
        if (server < 0) refused("socket");
        unlink(address.sun_path);
        if (bind(server, (void *)&address, sizeof address)) {
            if (taken) enough("socket");
            refused("socket");
        }
        for (int message = 0; message < 11; message++) {
            int client = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
            if (client < 0) enough("socket");
            if (sendto(client, block, 200 * KB, 0, (void *)&address, sizeof address) > 0) taken += 200 * KB;
            close(client);
        }
    }
}

static void huge_pages_in_pipes(void) {
    for (long taken = 0; taken < most;) {
        int ends[2];
        if (pipe(ends)) enough("pipe");
        for (int slot = 0; slot < 16; slot++, taken += 2 * MB) {
            char *place = map(4 * MB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
            char *even = (char *)(((unsigned long)place + 2 * MB - 1) & ~(2 * MB - 1));
            madvise(even, 2 * MB, MADV_HUGEPAGE);
            touch(even, 2 * MB);
            struct iovec part = {even, 4 * KB};
            if (vmsplice(ends[1], &part, 1, SPLICE_F_NONBLOCK) < 0) refused("vmsplice");
            munmap(place, 4 * MB);
        }
    }
}

static void pages_of_files(int by_sendfile) {
    int file = open("pages", O_RDWR | O_CREAT, 0600);
    for (long taken = 0; taken < most;) {
        int ends[2];
        if (by_sendfile ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends)) enough("pair");
        fcntl(ends[1], F_SETFL, O_NONBLOCK);
        for (;; taken += 4 * KB) {
            if (pwrite(file, block, 4 * KB, 0) < 0) enough("write");
            loff_t at = 0;
            long moved = by_sendfile ? sendfile(ends[1], file, &at, 1)
                                     : splice(file, &at, ends[1], NULL, 1, SPLICE_F_NONBLOCK);
            if (moved < 0 && errno == EAGAIN) break;
            if (moved < 0) refused(by_sendfile ? "sendfile" : "splice");
            if (ftruncate(file, 0)) enough("truncate");
        }
    }
}

static void parts_of_huge_pages(void) {
    for (long taken = 0; taken < most; taken += 2 * MB) {
        char *place = map(4 * MB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
        if (place == MAP_FAILED) enough("mmap");
        char *even = (char *)(((unsigned long)place + 2 * MB - 1) & ~(2 * MB - 1));
        madvise(even, 2 * MB, MADV_HUGEPAGE);
        *even = 1;
        munmap(even + 4 * KB, place + 4 * MB - even - 4 * KB);
        if (even != place) munmap(place, even - place);
    }
}

static void shared_pages(int of_device) {
    int fd = of_device ? open("/dev/zero", O_RDWR) : -1;
    for (long taken = 0; taken < most; taken += 16 * MB) {
        int flags = MAP_SHARED | (of_device ? 0 : MAP_ANONYMOUS);
        char *place = map(16 * MB, PROT_READ | PROT_WRITE, flags, fd);
        if (place == MAP_FAILED) refused("mmap");
        touch(place, 16 * MB);
        madvise(place, 16 * MB, MADV_DONTNEED);
        munmap(place + 4 * KB, 16 * MB - 4 * KB);
    }
}

static void plain(void) {
    for (long taken = 0; taken < most; taken += 4 * MB) {
        char *place = map(4 * MB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
        if (place == MAP_FAILED) enough("mmap");
        touch(place, 4 * MB);
    }
}

static void *plain_later(void *) {
    usleep(20000);
    plain();
    wait_for_ever();
    return NULL;
}

static void behind_a_dead_leader(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, plain_later, NULL)) refused("thread");
    syscall(SYS_exit, 0);
}

static void event_polls(int read_back) {
    int kept[200];
    int count = 0;
    for (; count < 100; count++) {
        kept[count] = eventfd(0, 0);
        if (kept[count] < 0) enough("eventfd");
    }
    if (fork() == 0) wait_for_ever();
    long taken = 0;
    struct epoll_event event = {.events = EPOLLIN};
    for (int poll = 0; poll < 100 && taken < most; poll++) {
        int fd = epoll_create1(0);
        if (fd < 0) enough("epoll_create");
        for (int file = 0; file < 100 && taken < most; file++) {
            int own = dup(kept[file]);
            if (own < 0) enough("dup");
            for (int number = 210; number < 250; number++) {
                if (dup2(own, number) < 0 || epoll_ctl(fd, EPOLL_CTL_ADD, number, &event)) enough("epoll");
                close(number);
                taken += 200;
            }
            close(own);
        }
        if (read_back) {
            char name[64];
            snprintf(name, sizeof name, "/proc/self/fdinfo/%d", fd);
            for (int i = 0; i < 40; i++, taken += 512 * KB) {
                int info = open(name, O_RDONLY);
                if (info < 0 && i == 0) refused("fdinfo");
                if (info < 0 || read(info, block, 1) < 1) break;
            }
        }
    }
}

static void mappings(int forks) {
    long taken = 0;
    for (; taken < most && taken < 60000 * 400L; taken += 400) {
        char *place = map(8 * KB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1);
        if (place == MAP_FAILED) enough("mmap");
        mprotect(place, 4 * KB, PROT_NONE);
    }
    for (; forks && taken < most; taken += 20 * MB) {
        int child = fork();
        if (child < 0) enough("fork");
        if (child == 0) wait_for_ever();
    }
}

static void locks(void) {
    char name[64];
    long taken = 0;
    for (int file = 0; taken < most; file++) {
        snprintf(name, sizeof name, "locks%d-%d", getpid(), file);
        int fd = open(name, O_RDWR | O_CREAT, 0600);
        if (fd < 0) enough("open");
        for (long at = 2000; at > 0; at--, taken += 200) {
            struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at * 2, .l_len = 1};
            if (fcntl(fd, F_SETLK, &lock)) enough("lock");
        }
    }
}

static void files(const char *folder, int links) {
    char name[400];
    char tail[200], target[2000];
    memset(tail, 'x', sizeof tail);
    memset(target, 'x', sizeof target);
    tail[199] = target[1999] = 0;
    for (long number = 0; number * KB < most; number++) {
        snprintf(name, sizeof name, "%s/%d-%ld-%s", folder, getpid(), number, tail);
        if (links ? symlink(target, name) : mknod(name, S_IFREG | 0600, 0)) {
            if (number == 0) refused("file");
            enough("file");
        }
    }
}

static void attributes(void) {
    int fd = open("attributes", O_RDWR | O_CREAT, 0600);
    char name[200];
    for (long taken = 0, number = 0; taken < most; taken += 60 * KB, number++) {
        snprintf(name, sizeof name, "user.%d.%ld", getpid(), number);
        if (fsetxattr(fd, name, block, 60 * KB, 0)) {
            if (number == 0) refused("setxattr");
            enough("setxattr");
        }
    }
}

static void timers(void) {
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    for (long taken = 0; taken < most; taken += 300)
        if (timer_create(CLOCK_MONOTONIC, &event, &timer)) enough("timer_create");
}

static void signals(void) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    union sigval value = {0};
    for (long taken = 0; taken < most; taken += 100)
        if (sigqueue(getpid(), SIGRTMIN, value)) enough("sigqueue");
}

static void watches(void) {
    int fd = inotify_init1(0);
    if (fd < 0) refused("inotify");
    char name[64];
    for (long number = 0; number * KB < most; number++) {
        snprintf(name, sizeof name, "w%d-%ld", getpid(), number);
        close(open(name, O_RDWR | O_CREAT, 0600));
        if (inotify_add_watch(fd, name, IN_MODIFY) < 0) enough("watch");
        unlink(name);
    }
}

static void terminals(void) {
    for (long taken = 0; taken < most; taken += 80 * KB) {
        int fd = posix_openpt(O_RDWR | O_NOCTTY);
        if (fd < 0 && taken == 0) refused("openpt");
        if (fd < 0) enough("openpt");
        unlockpt(fd);
        fill(fd);
    }
}

static void rulesets(void) {
    struct { unsigned long files, network; } wish = {0, 3};
    for (long taken = 0; taken < most;) {
        int fd = syscall(444, &wish, 16UL, 0);
        if (fd < 0 && taken == 0) refused("landlock");
        if (fd < 0) enough("landlock");
        for (unsigned long port = 0; port < 65536; port++, taken += 64) {
            struct { unsigned long access, port; } rule = {1, port};
            if (syscall(445, fd, 2, &rule, 0)) enough("landlock_add_rule");
        }
    }
}

static void futex_table(void) {
    if (prctl(78, 1, most / 64 < (1 << 24) ? 1 << 20 : 1 << 24, 0, 0)) refused("PR_FUTEX_HASH");
}

static void threads(void) {
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 16 * KB);
    for (long taken = 0; taken < most; taken += 30 * KB)
        if (pthread_create(&thread, &attributes, (void *(*)(void *))wait_for_ever, NULL)) enough("thread");
}

static void take(const char *kind) {
#define IS(name) (strcmp(kind, name) == 0)
    if (IS("page_tables")) page_tables();
    else if (IS("page_tables_far_apart")) page_tables_far_apart();
    else if (IS("page_tables_of_files")) page_tables_of_files();
    else if (IS("pipes")) pipes(0);
    else if (IS("big_pipes")) pipes(1);
    else if (IS("sockets")) sockets(SOCK_STREAM, 0, 1);
    else if (IS("big_sockets")) sockets(SOCK_STREAM, 1, 1);
    else if (IS("packets")) sockets(SOCK_SEQPACKET, 1, 0);
    else if (IS("sockets_in_flight")) in_flight(0);
    else if (IS("pipes_in_flight")) in_flight(1);
    else if (IS("backlog")) backlog();
    else if (IS("datagrams")) datagrams();
    else if (IS("huge_pages_in_pipes")) huge_pages_in_pipes();
    else if (IS("spliced_pages")) pages_of_files(0);
    else if (IS("sent_pages")) pages_of_files(1);
    else if (IS("parts_of_huge_pages")) parts_of_huge_pages();
    else if (IS("shared_pages")) shared_pages(0);
    else if (IS("zero_device")) shared_pages(1);
    else if (IS("plain")) plain();
    else if (IS("behind_a_dead_leader")) behind_a_dead_leader();
    else if (IS("event_polls")) event_polls(0);
    else if (IS("event_polls_read")) event_polls(1);
    else if (IS("mappings")) mappings(0);
    else if (IS("mappings_forked")) mappings(1);
    else if (IS("locks")) locks();
    else if (IS("files")) files(".", 0);
    else if (IS("files_in_shared_memory")) files("/dev/shm", 0);
    else if (IS("links_in_shared_memory")) files("/dev/shm", 1);
    else if (IS("attributes")) attributes();
    else if (IS("timers")) timers();
    else if (IS("signals")) signals();
    else if (IS("watches")) watches();
    else if (IS("terminals")) terminals();
    else if (IS("rulesets")) rulesets();
    else if (IS("futex_table")) futex_table();
    else if (IS("threads")) threads();
    else _exit(9);
}

int main(int, char **words) {
    most = atol(words[2]) * MB;
    memset(block, 'x', sizeof block - 1);
    for (int others = atoi(words[3]); others > 1; others--)
        if (fork() == 0) break;
    take(words[1]);
    printf("took it all\n");
    fflush(stdout);
    wait_for_ever();
}
