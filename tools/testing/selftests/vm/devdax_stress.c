// SPDX-License-Identifier: GPL-2.0
/*
 * Processes that map, fault, pin and poison a file on DAX, and expect that it
 * may go at any time: somebody else unbinds and binds its device meanwhile.
 * One of them has threads that share what it maps: they write words and look
 * whether they are still there, while others drop, move, protect and look at the
 * mapping, and another process gives advice on it.
 * Ends at SIGTERM, and prints how often each thing was done. Fails if one that is
 * no matter of luck never was, or if a process died of anything that is not
 * allowed for. What each process does in its turn follows from SEED.
 * usage: devdax_stress FILE ALIGN [SEED]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "../../../../mm/gup_test.h"
#include "devdax.h"

#define FOLL_WRITE	0x01
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof(*(a)))
#define PAGES		2	/* of the file, in each mapping */

enum op {
	MAPPED, REFUSED, FAULTED, LOST, PINNED, NOT_PINNED, HELD, POISONED,
	SIGNALLED, KILLED, FORKED, MOVED, DROPPED, WRITTEN, CHECKED, PROTECTED,
	LOOKED, ADVISED, OPS
};

static const char * const names[OPS] = {
	[MAPPED] = "mapped", [REFUSED] = "could not open or map",
	[FAULTED] = "faulted", [LOST] = "lost while it was used",
	[PINNED] = "pinned", [NOT_PINNED] = "could not pin",
	[HELD] = "held a pin", [POISONED] = "poisoned",
	[SIGNALLED] = "told of poison", [KILLED] = "killed for poison",
	[FORKED] = "forked", [MOVED] = "moved", [DROPPED] = "dropped",
	[WRITTEN] = "wrote a word", [CHECKED] = "found a word again",
	[PROTECTED] = "protected", [LOOKED] = "looked at",
	[ADVISED] = "advised",
};

static _Atomic unsigned long *count;
static _Atomic bool *paused;
static const char *path;
static unsigned long align, page_size;
static bool file_is_device;
static __thread sigjmp_buf lost;
static __thread volatile sig_atomic_t guarded;
static volatile sig_atomic_t done;

/*
 * Every other cache line is for words that are looked at again; who only wants to
 * write takes one in between.
 */
#define LINE		64
#define TO_SCRIBBLE(offset)	((offset) | LINE)
#define TO_KEEP(offset)		((offset) & ~(2UL * LINE - 1))

/* SIGBUS: the mapping is no more, or what it maps is poisoned */
static void sigbus(int sig, siginfo_t *info, void *context)
{
	if (info->si_code != BUS_ADRERR && info->si_code != SI_KERNEL) {
		count[SIGNALLED]++;
		return;
	}
	if (!guarded)
		_exit(3);
	siglongjmp(lost, 1);
}

static void stop(int sig)
{
	done = 1;
}

static void pin(int gup, char *p)
{
	static const unsigned long commands[] = {
		GUP_FAST_BENCHMARK, PIN_FAST_BENCHMARK, GUP_BASIC_TEST,
		PIN_BASIC_TEST, PIN_LONGTERM_FAST_BENCHMARK,
		PIN_LONGTERM_BENCHMARK,
	};
	unsigned long len = PAGES * align / page_size;
	unsigned long first = rand() % len;
	struct gup_test test = {
		.addr = (uintptr_t)p + first * page_size,
		.nr_pages_per_call = 1 + rand() % 1024,
		.gup_flags = FOLL_WRITE,
	};

	/* Now and then all that there is; else enough to cross a boundary */
	len -= first;
	if (rand() % 8 && len > 2048)
		len = 1 + rand() % 2048;
	test.size = len * page_size;
	if (ioctl(gup, commands[rand() % ARRAY_SIZE(commands)], &test))
		count[NOT_PINNED]++;
	else
		count[PINNED]++;
}

static void hold(int gup, char *p)
{
	struct pin_longterm_test test = {
		.addr = (uintptr_t)p + align - page_size,
		.size = 2 * page_size,
		.flags = PIN_LONGTERM_TEST_FLAG_USE_WRITE |
			 (rand() & PIN_LONGTERM_TEST_FLAG_USE_FAST),
	};

	if (ioctl(gup, PIN_LONGTERM_TEST_START, &test)) {
		count[NOT_PINNED]++;
		return;
	}
	usleep(rand() % 20000);
	if (ioctl(gup, PIN_LONGTERM_TEST_STOP))
		_exit(4);
	count[HELD]++;
}

/* A child that uses the mapping for a moment */
static void fork_over(char *p)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		_exit(6);
	if (!pid) {
		if (!sigsetjmp(lost, 1)) {
			guarded = 1;
			p[TO_SCRIBBLE(rand() % (PAGES * align))] = 1;
		}
		_exit(0);
	}
	/* who is told of poison is interrupted */
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			_exit(7);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		count[KILLED]++;
	else if (status)
		_exit(8);
	count[FORKED]++;
}

/* To another address, if the file can be mapped now. Returns that. */
static char *move(char *p, int fd)
{
	unsigned long len = PAGES * align;
	char *q = mmap(NULL, len, PROT_NONE, MAP_SHARED, fd, 0);

	if (q == MAP_FAILED)
		return p;
	if (mremap(p, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, q) != q)
		_exit(9);
	count[MOVED]++;
	return q;
}

static void drop(char *p)
{
	if (madvise(p + rand() % PAGES * align, align, MADV_DONTNEED))
		_exit(10);
	count[DROPPED]++;
}

/*
 * A process with threads that share a mapping. It is at one of two addresses, at
 * which nothing else is ever mapped. Threads neither allocate nor map anything but
 * by mover(), so that who comes late to an address finds nothing there, and comes
 * back.
 */
#define WORDS		32	/* of each writer */
#define WRITERS		2

struct shared {
	char *at[2];			/* where it may be, */
	_Atomic int now;		/* and is */
	_Atomic bool gone;		/* it was lost, as its device went */
	unsigned int seed;
};

static struct shared shared;
/* Who changes rights must not give them to what has been put in the old place. */
static pthread_mutex_t in_place = PTHREAD_MUTEX_INITIALIZER;

/* Something may be amiss: how is known by the exit status */
static void broken(const char *what)
{
	fprintf(stderr, "devdax_stress: threads: %s: %s\n", what, strerror(errno));
	_exit(20);
}

/* SIGSEGV: the mapping is protected, or at the other address */
static void sigsegv(int sig, siginfo_t *info, void *context)
{
	if (!guarded)
		_exit(21);
	siglongjmp(lost, 1);
}

static void thread_sigbus(int sig, siginfo_t *info, void *context)
{
	if (info->si_code != BUS_ADRERR && info->si_code != SI_KERNEL) {
		count[SIGNALLED]++;
		return;
	}
	if (!guarded)
		_exit(22);
	shared.gone = true;
	siglongjmp(lost, 1);
}

static unsigned int random_of(unsigned int *seed, unsigned int below)
{
	return rand_r(seed) % below;
}

/* Words all over the mapping: each has its last value, however it is mapped. */
static void *writer(void *arg)
{
	unsigned long me = (unsigned long)arg, step = PAGES * align / WORDS;
	unsigned int seed = shared.seed + me;
	volatile uint64_t *word;
	/* In memory, and in the order of the program: a store may not come back. */
	volatile uint64_t want[WORDS] = {}, value = 0;
	volatile bool known[WORDS] = {};
	volatile int i;

	for (;;) {
		if (sigsetjmp(lost, 1)) {
			guarded = 0;
			continue;
		}
		i = random_of(&seed, WORDS);
		guarded = 1;
		word = (uint64_t *)(shared.at[shared.now] +
				    TO_KEEP(i * step + step / 2)) + me;
		if (known[i] && *word != want[i]) {
			fprintf(stderr,
				"devdax_stress: word %d of thread %lu was %#llx and is %#llx\n",
				i, me, (unsigned long long)want[i],
				(unsigned long long)*word);
			_exit(23);
		}
		if (known[i])
			count[CHECKED]++;
		value++;
		*word = value << 8 | me;
		guarded = 0;
		want[i] = value << 8 | me;
		known[i] = true;
		count[WRITTEN]++;
	}
	return NULL;
}

/* Takes away pages, or parts of them, and rights */
static void *dropper(void *arg)
{
	unsigned int seed = shared.seed + 10;
	unsigned long len, offset;
	char *p;

	for (;;) {
		p = shared.at[shared.now];
		/* there is little to take away until it is mapped anew */
		if (shared.gone)
			usleep(1000);
		offset = random_of(&seed, PAGES) * align;
		switch (random_of(&seed, 8)) {
		case 0:
			if (!madvise(p, PAGES * align, MADV_DONTNEED))
				count[DROPPED]++;
			break;
		case 1:
		case 2:
			/* in the page that many want back, or in any */
			len = random_of(&seed, 2) ? page_size : align;
			if (!madvise(p + offset, len, MADV_DONTNEED))
				count[DROPPED]++;
			break;
		case 3:
			if (!madvise(p + offset, page_size, MADV_COLD) &&
			    !madvise(p, PAGES * align, MADV_PAGEOUT))
				count[ADVISED]++;
			break;
		case 4:
		case 5:
		case 6:
			pthread_mutex_lock(&in_place);
			p = shared.at[shared.now] + offset;
			if (!shared.gone && !mprotect(p, align, PROT_READ) &&
			    !mprotect(p, align, PROT_READ | PROT_WRITE))
				count[PROTECTED]++;
			pthread_mutex_unlock(&in_place);
			break;
		default:
			sched_yield();
		}
	}
	return NULL;
}

static void read_whole(const char *file)
{
	char text[4096];
	int fd = open(file, O_RDONLY);

	if (fd < 0)
		broken(file);
	while (read(fd, text, sizeof(text)) > 0)
		;
	close(fd);
	count[LOOKED]++;
}

static void *looker(void *arg)
{
	static unsigned char vec[1 << 12];
	static uint64_t entries[1 << 9];
	unsigned int seed = shared.seed + 20;
	unsigned long max = PAGES * align / page_size;
	int fd = open("/proc/self/pagemap", O_RDONLY);
	unsigned long first, nr;
	char *p;

	for (;;) {
		p = shared.at[shared.now];
		first = random_of(&seed, max);
		nr = max - first < sizeof(vec) ? max - first : sizeof(vec);
		switch (random_of(&seed, 5)) {
		case 0:
			read_whole("/proc/self/smaps");
			break;
		case 1:
			read_whole("/proc/self/smaps_rollup");
			break;
		case 2:
			/* Without NUMA there is no such file. */
			if (!access("/proc/self/numa_maps", F_OK))
				read_whole("/proc/self/numa_maps");
			break;
		case 3:
			mincore(p + first * page_size, nr * page_size, vec);
			break;
		case 4:
			nr = pread(fd, entries, sizeof(entries),
				   ((uintptr_t)p / page_size + first) *
				   sizeof(*entries));
			break;
		}
	}
	return NULL;
}

/* Moves the mapping, and makes it anew when its device has gone and come */
static void *mover(void *arg)
{
	unsigned long len = PAGES * align;
	unsigned int seed = shared.seed + 30;
	int fd, now;
	char *p, *q;

	for (;;) {
		now = shared.now;
		p = shared.at[now];
		q = shared.at[!now];
		if (shared.gone) {
			fd = open(path, O_RDWR);
			if (fd >= 0 && mmap(p, len, PROT_READ | PROT_WRITE,
					    MAP_SHARED | MAP_FIXED, fd, 0) == p) {
				shared.gone = false;
				count[MAPPED]++;
			}
			if (fd >= 0)
				close(fd);
			usleep(1000);
			continue;
		}
		usleep(random_of(&seed, 10000));
		if (align > page_size &&
		    mremap(p + page_size, page_size, page_size,
			   MREMAP_MAYMOVE | MREMAP_FIXED, q) != MAP_FAILED)
			broken("a part of a page was moved");
		pthread_mutex_lock(&in_place);
		if (mremap(p, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, q) == q) {
			shared.now = !now;
			if (mmap(p, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
				 MAP_NORESERVE | MAP_FIXED, -1, 0) != p)
				broken("an address could not be kept");
			count[MOVED]++;
		} else if (!shared.gone) {
			broken("it could not be moved");
		}
		pthread_mutex_unlock(&in_place);
	}
	return NULL;
}

static void *pinner(void *arg)
{
	int gup = open("/sys/kernel/debug/gup_test", O_RDWR);

	if (gup < 0)
		broken("gup_test");
	for (;;)
		pin(gup, shared.at[shared.now]);
	return NULL;
}

/* From outside: a process of its own, which sees the addresses as they were */
static void advise_from_outside(void)
{
	char file[64];
	int pidfd = syscall(SYS_pidfd_open, getppid(), 0);
	struct iovec iov = { .iov_len = PAGES * align };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(file, sizeof(file), "/proc/%d/smaps", getppid());
	for (;;) {
		iov.iov_base = shared.at[rand() & 1];
		if (syscall(SYS_process_madvise, pidfd, &iov, 1,
			    rand() & 1 ? MADV_COLD : MADV_PAGEOUT, 0) > 0)
			count[ADVISED]++;
		/* that process may have ended */
		if (!access(file, R_OK))
			read_whole(file);
		usleep(1000);
	}
}

static void work_in_threads(unsigned int seed)
{
	static void *(*const functions[])(void *) = {
		writer, writer, dropper, looker, mover, pinner,
	};
	struct sigaction bus = {
		.sa_sigaction = thread_sigbus,
		.sa_flags = SA_SIGINFO | SA_NODEFER,
	}, segv = {
		.sa_sigaction = sigsegv,
		.sa_flags = SA_SIGINFO | SA_NODEFER,
	};
	unsigned long len = PAGES * align, i;
	pthread_t thread;
	char *room;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGBUS, &bus, NULL);
	sigaction(SIGSEGV, &segv, NULL);
	room = mmap(NULL, 2 * len + align, PROT_NONE, MAP_PRIVATE |
		    MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (room == MAP_FAILED)
		broken("no room");
	room = (char *)(((uintptr_t)room + align - 1) & ~(align - 1));
	shared = (struct shared) {
		.at = { room, room + len }, .gone = true, .seed = seed,
	};
	switch (fork()) {
	case -1:
		broken("fork");
		break;
	case 0:
		advise_from_outside();
	}
	for (i = 0; i < ARRAY_SIZE(functions); i++)
		if (pthread_create(&thread, NULL, functions[i], (void *)i))
			broken("pthread_create");
	for (;;)
		pause();
}

enum role { PINS, HOLDS, FAULTS, POISONS, THREADS, ROLES };

static void work(enum role role, unsigned int seed)
{
	struct sigaction action = {
		.sa_sigaction = sigbus,
		.sa_flags = SA_SIGINFO | SA_NODEFER,
	};
	/* kept open by itself, for it outlives what is pinned through it */
	int gup = open("/sys/kernel/debug/gup_test", O_RDWR);
	unsigned long i, len = PAGES * align;
	char *p;
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGBUS, &action, NULL);
	srand(seed);
	if (gup < 0)
		_exit(5);

	for (;;) {
		fd = open(path, O_RDWR);
		p = fd < 0 ? MAP_FAILED :
			mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			     0);
		if (p == MAP_FAILED) {
			count[REFUSED]++;
			if (fd >= 0)
				close(fd);
			usleep(1000);
			continue;
		}
		count[MAPPED]++;

		/* The same file may see the device go and come back. */
		for (i = 0; i < 1 + rand() % 16; i++) {
			while (*paused)
				usleep(1000);
			if (sigsetjmp(lost, 1)) {
				guarded = 0;
				count[LOST]++;
				usleep(1000);
				continue;
			}
			guarded = 1;
			*(volatile char *)(p + TO_SCRIBBLE(rand() % len)) = i;
			guarded = 0;
			count[FAULTED]++;

			if (role == PINS)
				pin(gup, p);
			if (role == HOLDS)
				hold(gup, p);
			if (role == POISONS) {
				usleep(rand() % 2000);
				if (!madvise(p + rand() % (len / page_size) *
					     page_size, page_size,
					     MADV_HWPOISON))
					count[POISONED]++;
			}

			switch (rand() % 16) {
			case 0:
				fork_over(p);
				break;
			case 1:
				p = move(p, fd);
				break;
			case 2:
				drop(p);
				break;
			}
		}
		/* one of its pages, and then what there is still */
		munmap(p + rand() % PAGES * align, align);
		munmap(p, len);
		close(fd);
	}
}

static pid_t start(enum role role, unsigned int seed)
{
	pid_t pid = fork();

	if (pid < 0) {
		perror("devdax_stress: fork");
		exit(2);	/* and the others end with this one */
	}
	if (!pid && role == THREADS)
		work_in_threads(seed);
	if (!pid)
		work(role, seed);
	return pid;
}

static int died(int status)
{
	printf("a process ended with status %#x\n", status);
	return 1;
}

int main(int argc, char **argv)
{
	static const enum role roles[] = {
		PINS, PINS, PINS, HOLDS, FAULTS, POISONS, POISONS, THREADS,
	};
	unsigned int i, seed, ticks = 0, nr = ARRAY_SIZE(roles);
	pid_t pids[ARRAY_SIZE(roles)], pid;
	struct sigaction action = { .sa_handler = stop };
	int status, failed = 0;
	struct stat st;

	if (argc < 3 || argc > 4 || stat(argv[1], &st)) {
		fprintf(stderr, "usage: devdax_stress FILE ALIGN [SEED]\n");
		return 2;
	}
	seed = argc == 4 ? strtoul(argv[3], NULL, 0) : 1;
	file_is_device = S_ISCHR(st.st_mode);
	path = argv[1];
	align = strtoul(argv[2], NULL, 0);
	page_size = sysconf(_SC_PAGESIZE);
	count = mmap(NULL, page_size, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (count == MAP_FAILED) {
		perror("devdax_stress: mmap");
		return 2;
	}
	paused = (_Atomic bool *)(count + OPS);
	sigaction(SIGTERM, &action, NULL);
	/* Of a file, what is rewritten now and then, nothing is there for long. */
	if (!file_is_device)
		nr--;

	for (i = 0; i < nr; i++)
		pids[i] = start(roles[i], seed++);
	while (!done && !failed) {
		pid = waitpid(-1, &status, WNOHANG);
		if (pid <= 0) {
			/* A truncate waits for all pins: let it by. */
			*paused = !file_is_device && ticks++ % 64 >= 32;
			usleep(10000);
			continue;
		}
		/* memory_failure() kills who can't be told where it was. */
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
			count[KILLED]++;
		else
			failed = died(status);
		for (i = 0; i < nr; i++) {
			if (pids[i] == pid)
				pids[i] = start(roles[i], seed++);
		}
	}
	for (i = 0; i < nr; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], &status, 0);
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
			failed = died(status);
	}
	/* That is the exception. */
	if (count[KILLED] > count[POISONED] / 10)
		failed = 1;
	for (i = 0; i < OPS; i++) {
		printf("%s %lu times\n", names[i], count[i]);
		/*
		 * fsdax refuses pins of any length, and has no threads; the
		 * others depend on luck.
		 */
		if (!count[i] && ((i != HELD && i < WRITTEN) || file_is_device) &&
		    i != LOST && i != KILLED && i != REFUSED && i != NOT_PINNED)
			failed = 1;
	}
	return failed;
}
