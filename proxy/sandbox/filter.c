/* Which system calls are left: a table of rows becomes a filter in the kernel (seccomp(2)), made by libseccomp. One thread,
 * while the filter is made; from then on the kernel, on all threads. */
#include "countersign/sandbox.h"

#include "trap.h"

#include <errno.h>
#include <seccomp.h>
#include <string.h>
#include <unistd.h>

/* In a binary tree, which keeps the way to each call short where the kernel does not remember what is always allowed
 * (it does since Linux 5.11). */
enum { FILTER_TREE = 2 };

static uint64_t value_of(const struct sandbox_condition *condition)
{
    return condition->value == SANDBOX_OWN_PROCESS ? (uint64_t)getpid() : condition->value;
}

/* Returns 0 or a negative errno value, as libseccomp does; likewise below. */
static int add_row(scmp_filter_ctx filter, const struct sandbox_rule *row)
{
    struct scmp_arg_cmp conditions[SANDBOX_CONDITIONS];
    unsigned count = 0;
    int number = seccomp_syscall_resolve_name(row->call);
    if (number < 0)
        return 0; /* not on this machine, or newer than the library */
    for (size_t i = 0; i < SANDBOX_CONDITIONS; i++) {
        const struct sandbox_condition *condition = &row->conditions[i];
        if (condition->mask != 0)
            conditions[count++] =
                SCMP_CMP64(condition->argument, SCMP_CMP_MASKED_EQ, condition->mask, value_of(condition));
    }
    uint32_t action = row->refusal == 0 ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO((uint32_t)row->refusal);
    return seccomp_rule_add_array(filter, action, number, count, conditions);
}

static int add_rows(scmp_filter_ctx filter, const struct sandbox_rules *table, size_t *calls)
{
    const char *last = "";
    for (size_t i = 0; i < table->count; i++) {
        int result = add_row(filter, &table->rows[i]);
        if (result != 0)
            return result;
        if (table->rows[i].refusal == 0 && strcmp(table->rows[i].call, last) != 0 &&
            seccomp_syscall_resolve_name(table->rows[i].call) >= 0)
            (*calls)++;
        last = table->rows[i].call;
    }
    return 0;
}

/* All threads there are (a sanitizer may have one). Before Linux 5.16 a filter also switches on a defence against speculation
 * that slows all the process does: a process that goes on after a refusal, as the busy one does, is left to the machine's
 * own setting. */
static int set_attributes(scmp_filter_ctx filter, bool goes_on)
{
    static const struct {
        enum scmp_filter_attr attribute;
        uint32_t value;
    } wanted[] = {
        { SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS },
        { SCMP_FLTATR_CTL_TSYNC, 1 },
        { SCMP_FLTATR_CTL_OPTIMIZE, FILTER_TREE },
        { SCMP_FLTATR_API_SYSRAWRC, 1 },
    };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        int result = seccomp_attr_set(filter, wanted[i].attribute, wanted[i].value);
        if (result != 0)
            return result;
    }
    if (goes_on)
        (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1); /* before Linux 4.17 there is nothing to leave */
    return 0;
}

static int load(const struct sandbox_filter *rules, size_t *calls)
{
    scmp_filter_ctx filter =
        seccomp_init(rules->otherwise == 0 ? SCMP_ACT_TRAP : SCMP_ACT_ERRNO((uint32_t)rules->otherwise));
    if (filter == NULL)
        return -ENOMEM;
    int result = set_attributes(filter, rules->otherwise != 0);
    for (size_t i = 0; result == 0 && i < rules->table_count; i++)
        result = add_rows(filter, &rules->tables[i], calls);
    if (result == 0)
        result = seccomp_load(filter);
    seccomp_release(filter);
    return result;
}

void sandbox_limit_calls(struct sandbox *sandbox, const struct sandbox_filter *filter)
{
    size_t calls = 0;
    int result = filter->otherwise != 0 || trap_prepare(sandbox->process) ? load(filter, &calls) : -errno;
    if (result == 0)
        sandbox->calls = calls;
    else
        sandbox_warn(sandbox, "the kernel does not limit its system calls (seccomp)", -result,
                     "use a kernel with CONFIG_SECCOMP_FILTER, and a container that lets seccomp calls through");
}
