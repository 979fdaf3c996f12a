/* A wall clock that is behind: LD_PRELOAD=behind.so BEHIND_SECONDS=2 program
 *
 * Namespaces of time do not move CLOCK_REALTIME, and the library reads the clock through the kernel's page of code where
 * no symbol can be put before it. So this hides that page, has the kernel trap clock_gettime, and answers itself. The one
 * call that is let through carries a mark in an argument that the system call does not have. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define MARK 0x6d636331L

static long behind;

unsigned long getauxval(unsigned long type) {
    static unsigned long (*real)(unsigned long);
    if (type == AT_SYSINFO_EHDR) return 0;
    if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "getauxval");
    return real(type);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    long result = syscall(SYS_clock_gettime, clock, time, MARK);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec -= behind;
    return (int)result;
}

#if defined(__x86_64__)
#define CLOCK_OF(regs) ((clockid_t)(regs)[REG_RDI])
#define TIME_OF(regs) ((struct timespec *)(regs)[REG_RSI])
#define RESULT_OF(regs) ((regs)[REG_RAX])
#define REGS(context) ((context)->uc_mcontext.gregs)
#elif defined(__aarch64__)
#define CLOCK_OF(regs) ((clockid_t)(regs)[0])
#define TIME_OF(regs) ((struct timespec *)(regs)[1])
#define RESULT_OF(regs) ((regs)[0])
#define REGS(context) ((context)->uc_mcontext.regs)
#else
#error "the registers of this processor are not known here"
#endif

static void answer(int number, siginfo_t *info, void *context) {
    (void)number;
    (void)info;
    ucontext_t *interrupted = context;
    RESULT_OF(REGS(interrupted)) = clock_gettime(CLOCK_OF(REGS(interrupted)), TIME_OF(REGS(interrupted)));
}

__attribute__((constructor)) static void begin(void) {
    const char *seconds = getenv("BEHIND_SECONDS");
    behind = seconds != NULL ? atol(seconds) : 0;
    struct sigaction action = {0};
    action.sa_sigaction = answer;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clock_gettime, 0, 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MARK, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    if (sigaction(SIGSYS, &action, NULL) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        _exit(97);
}
