// SPDX-License-Identifier: GPL-2.0
/*
 * Processes that map, fault, pin and poison a file on DAX, and expect that it
 * may go at any time: somebody else unbinds and binds its device meanwhile.
 * Ends at SIGTERM, and prints how often each thing was done. Fails if one that is
 * no matter of luck never was, or if a process died of anything that is not
 * allowed for. What each process does in its turn follows from SEED.
 * usage: devdax_stress FILE ALIGN [SEED]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
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
#include <sys/wait.h>

#include "../../../../mm/gup_test.h"

#define FOLL_WRITE	0x01
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof(*(a)))
#define PAGES		2	/* of the file, in each mapping */

enum op {
	MAPPED, REFUSED, FAULTED, LOST, PINNED, NOT_PINNED, HELD, POISONED,
	SIGNALLED, KILLED, FORKED, MOVED, DROPPED, OPS
};

static const char * const names[OPS] = {
	[MAPPED] = "mapped", [REFUSED] = "could not open or map",
	[FAULTED] = "faulted", [LOST] = "lost while it was used",
	[PINNED] = "pinned", [NOT_PINNED] = "could not pin",
	[HELD] = "held a pin", [POISONED] = "poisoned",
	[SIGNALLED] = "told of poison", [KILLED] = "killed for poison",
	[FORKED] = "forked", [MOVED] = "moved", [DROPPED] = "dropped",
};

static _Atomic unsigned long *count;
static _Atomic bool *paused;
static const char *path;
static unsigned long align, page_size;
static bool file_is_device;
static sigjmp_buf lost;
static volatile sig_atomic_t guarded, done;

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
			p[rand() % (PAGES * align)] = 1;
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

enum role { PINS, HOLDS, FAULTS, POISONS, ROLES };

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
			*(volatile char *)(p + rand() % len) = i;
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
		PINS, PINS, PINS, HOLDS, FAULTS, POISONS, POISONS,
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
		/* fsdax refuses pins of any length; the others depend on luck */
		if (!count[i] && (i != HELD || file_is_device) && i != LOST &&
		    i != KILLED && i != REFUSED && i != NOT_PINNED)
			failed = 1;
	}
	return failed;
}
