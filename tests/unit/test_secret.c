/* Secrets: every source, what each refuses, and that nothing of a secret shows or stays. */
#include "countersign/clock.h"
#include "countersign/compiler.h"
#include "countersign/secret.h"
#include "signer/secret_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WHAT    "api_secret of account main"
#define MADE_UP "0f3c5a7e9b1d2f4a6c8e0b2d4f6a8c0e"

enum { PATH_TEXT_MAX = 256 };

struct folder {
    char path[64];
};

static int make_folder(void **state)
{
    struct folder *folder = calloc(1, sizeof(*folder));
    assert_non_null(folder);
    (void)snprintf(folder->path, sizeof(folder->path), "/tmp/countersign-secret-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    *state = folder;
    return 0;
}

static int remove_folder(void **state)
{
    struct folder *folder = *state;
    char path[PATH_TEXT_MAX];
    static const char *const names[] = { "secret", "pid" };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder->path, names[i]);
        (void)unlink(path); /* a test may not have made it */
    }
    int result = rmdir(folder->path);
    free(folder);
    return result;
}

/* Writes FOLDER/secret and gives "PREFIX" plus its path. */
static const char *file_source(const struct folder *folder, const void *content, size_t length, mode_t mode)
{
    static char source[PATH_TEXT_MAX];
    (void)snprintf(source, sizeof(source), "file:%s/secret", folder->path);
    int fd = open(source + strlen("file:"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, length), length);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
    return source;
}

static const char *private_file(const struct folder *folder, const char *content)
{
    return file_source(folder, content, strlen(content), 0600);
}

static void assert_gives(const char *source, bool trim, const char *expected)
{
    struct secret secret;
    struct error error = { .kind = ERROR_NONE };
    if (!secret_read(&secret, source, trim, WHAT, &error))
        fail_msg("%s: %s", source, error.message);
    assert_true(slice_equal_text(secret_slice(&secret), expected));
    secret_end(&secret);
    assert_null(secret.bytes);
}

/* Refused with a message that names the secret and says `words`, and shows nothing of what was read. */
static void assert_refused(const char *source, bool trim, const char *words)
{
    struct secret secret = { .bytes = NULL };
    struct error error = { .kind = ERROR_NONE };
    assert_false(secret_read(&secret, source, trim, WHAT, &error));
    assert_null(secret.bytes);
    assert_int_equal(error.kind, ERROR_CONFIG);
    if (strstr(error.message, WHAT) == NULL || strstr(error.message, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.message, words);
    if (strstr(error.message, MADE_UP) != NULL)
        fail_msg("\"%s\" shows the secret", error.message);
}

static bool environment_memory_holds(const char *text)
{
    static char memory[1 << 20];
    int fd = open("/proc/self/environ", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    size_t length = 0;
    ssize_t got;
    while ((got = read(fd, memory + length, sizeof(memory) - length)) > 0)
        length += (size_t)got;
    assert_int_equal(close(fd), 0);
    assert_true(length < sizeof(memory));
    return memmem(memory, length, text, strlen(text)) != NULL;
}

/* main starts this program again with these two in its environment: only what execve(2) passed stands in the memory that
 * /proc/self/environ shows. */
#define INHERITED_NAME  "COUNTERSIGN_TEST_INHERITED"
#define INHERITED_VALUE "a-value-that-stands-nowhere-else"

static void a_variable_is_wiped_where_the_kernel_shows_it_and_unset(void **state)
{
    (void)state;
    assert_true(environment_memory_holds(INHERITED_VALUE));
    assert_gives("env:" INHERITED_NAME, false, INHERITED_VALUE);
    assert_false(environment_memory_holds(INHERITED_VALUE));
    assert_null(getenv(INHERITED_NAME));
}

static void a_refused_variable_is_wiped_all_the_same(void **state)
{
    (void)state;
    assert_int_equal(setenv("COUNTERSIGN_TEST_SECRET", " " MADE_UP, 1), 0);
    assert_refused("env:COUNTERSIGN_TEST_SECRET", false, "1 blank at the start");
    assert_null(getenv("COUNTERSIGN_TEST_SECRET"));
}

static void loading_leaves_the_variable_for_the_next_reader(void **state)
{
    (void)state;
    struct secret secret;
    assert_int_equal(setenv("COUNTERSIGN_TEST_SECRET", MADE_UP, 1), 0);
    assert_true(secret_load(&secret, "env:COUNTERSIGN_TEST_SECRET", false, WHAT, NULL));
    secret_end(&secret);
    assert_string_equal(getenv("COUNTERSIGN_TEST_SECRET"), MADE_UP);
    secret_source_forget("env:COUNTERSIGN_TEST_SECRET");
    assert_null(getenv("COUNTERSIGN_TEST_SECRET"));
}

static void a_variable_that_is_not_set_is_named(void **state)
{
    (void)state;
    assert_refused("env:COUNTERSIGN_TEST_MISSING", false, "COUNTERSIGN_TEST_MISSING is not set");
    assert_refused("env:", false, "env:NAME");
    assert_int_equal(setenv("COUNTERSIGN_TEST_SECRET", "", 1), 0);
    assert_refused("env:COUNTERSIGN_TEST_SECRET", false, "it is empty");
}

static void a_private_file_is_read_without_its_last_newline(void **state)
{
    assert_gives(private_file(*state, MADE_UP), false, MADE_UP);
    assert_gives(private_file(*state, MADE_UP "\n"), false, MADE_UP);
}

static void a_file_that_others_may_use_is_refused_with_the_command_that_helps(void **state)
{
    static const mode_t modes[] = { 0640, 0604, 0620, 0610, 0601, 0644 };
    for (size_t i = 0; i < ARRAY_LENGTH(modes); i++)
        assert_refused(file_source(*state, MADE_UP, strlen(MADE_UP), modes[i]), false, "chmod 600 /tmp/");
}

static void what_is_not_a_regular_file_is_refused_at_once(void **state)
{
    const struct folder *folder = *state;
    char source[PATH_TEXT_MAX];
    (void)snprintf(source, sizeof(source), "file:%s", folder->path);
    assert_refused(source, false, "not a regular file");
    (void)snprintf(source, sizeof(source), "file:%s/secret", folder->path);
    assert_refused(source, false, "No such file");
    assert_int_equal(mkfifo(source + strlen("file:"), 0600), 0);
    assert_refused(source, false, "not a regular file");
    assert_refused("file:", false, "file:PATH");
}

static void white_space_around_a_secret_is_refused_by_name_and_place(void **state)
{
    static const struct {
        const char *content;
        const char *words;
    } cases[] = {
        { MADE_UP "  ", "it has 2 blanks at the end" },
        { MADE_UP "\r\n", "1 carriage return at the end" },
        { MADE_UP "\n\n", "1 line feed at the end" },
        { "\t" MADE_UP " \n", "1 tab at the start and 1 blank at the end" },
        { "\xef\xbb\xbf" MADE_UP, "1 byte order mark at the start" },
        { MADE_UP "\xc2\xa0\xc2\xa0 ", "1 blank and 2 no-break spaces at the end" },
        { " \n ", "empty but for white space" },
        { "\n", "it is empty" },
        { "", "it is empty" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        assert_refused(private_file(*state, cases[i].content), false, cases[i].words);
}

static void trim_takes_white_space_off_but_never_makes_an_empty_secret(void **state)
{
    assert_gives(private_file(*state, " \t\xc2\xa0" MADE_UP "\xe2\x80\x8b\r\n\n"), true, MADE_UP);
    assert_gives(private_file(*state, " two words "), true, "two words");
    assert_refused(private_file(*state, " \n "), true, "it is empty");
}

static void a_control_byte_inside_is_refused_even_with_trim(void **state)
{
    static const char with_nul[] = "abc\0def";
    assert_refused(file_source(*state, with_nul, sizeof(with_nul) - 1, 0600), true, "control byte at position 4");
    assert_refused(private_file(*state, "abc\x7f" MADE_UP), true, "control byte at position 4");
    assert_refused(private_file(*state, MADE_UP "\nsecond"), true, "more than one line");
}

static void a_secret_of_4096_bytes_is_taken_and_one_of_4097_is_not(void **state)
{
    static char content[3 * SECRET_MAX];
    struct secret secret;
    memset(content, 'k', sizeof(content));
    assert_true(secret_read(&secret, file_source(*state, content, SECRET_MAX, 0600), false, WHAT, NULL));
    assert_int_equal(secret.length, SECRET_MAX);
    secret_end(&secret);
    assert_refused(file_source(*state, content, SECRET_MAX + 1, 0600), false, "longer than 4096 bytes");
    assert_refused(file_source(*state, content, sizeof(content), 0600), false, "more than 4096 bytes");
    assert_refused("command:head -c 9000 /dev/zero", false, "more than 4096 bytes");
    assert_refused("command:yes", false, "more than 4096 bytes");
    content[SECRET_MAX + 1] = '\0';
    assert_int_equal(setenv("COUNTERSIGN_TEST_SECRET", content, 1), 0);
    assert_refused("env:COUNTERSIGN_TEST_SECRET", false, "longer than 4096 bytes");
}

static void a_credential_is_a_file_in_systemds_folder(void **state)
{
    const struct folder *folder = *state;
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    assert_refused("credential:secret", false, "CREDENTIALS_DIRECTORY is not set");
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", folder->path, 1), 0);
    assert_refused("credential:secret", false, "No such file");
    (void)file_source(folder, MADE_UP "\n", sizeof(MADE_UP), 0440);
    assert_gives("credential:secret", false, MADE_UP);
    static const char *const names[] = { "credential:", "credential:.", "credential:..", "credential:../secret" };
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        assert_refused(names[i], false, "not a credential's name");
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

static void a_commands_output_is_the_secret(void **state)
{
    (void)state;
    assert_gives("command:echo " MADE_UP, false, MADE_UP);
    assert_gives("command:printf 'abc'; printf def", false, "abcdef");
    assert_gives("command:cat; echo nothing-to-read", false, "nothing-to-read");
}

static void a_command_that_fails_is_refused_with_its_exit_code(void **state)
{
    (void)state;
    assert_refused("command:echo "
                   "0f3c5a7e"
                   "; exit 7",
                   false, "exit code 7");
    assert_refused("command:/nowhere/at/all 2>/dev/null", false, "exit code 127");
    assert_refused("command:kill -9 $$", false, "signal 9");
    assert_refused("command:true", false, "it is empty");
    assert_refused("command:", false, "command:LINE");
}

static pid_t read_pid(const struct folder *folder)
{
    char path[PATH_TEXT_MAX], text[32] = "";
    (void)snprintf(path, sizeof(path), "%s/pid", folder->path);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    (void)fclose(file); /* was only read */
    return (pid_t)strtol(text, NULL, 10);
}

/* Gone, or dead and waiting for whoever inherited it. */
static bool has_ended(pid_t pid)
{
    char path[64], text[256] = "";
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return true;
    const char *read_text = fgets(text, sizeof(text), file);
    (void)fclose(file); /* was only read */
    return read_text == NULL || strstr(text, ") Z ") != NULL || strstr(text, ") X ") != NULL;
}

static void assert_ends_soon(pid_t pid)
{
    int64_t deadline = clock_monotonic_us() + 5000000;
    while (!has_ended(pid)) {
        assert_true(clock_monotonic_us() < deadline);
        (void)usleep(1000); /* SIGKILL takes effect when the kernel gets to it */
    }
}

static void assert_hang_is_ended(const struct folder *folder, const char *before, const char *after)
{
    char line[PATH_TEXT_MAX];
    (void)snprintf(line, sizeof(line), "%s sleep 100 & echo $! >'%s/pid'; %s", before, folder->path, after);
    struct secret secret;
    struct error error = { .kind = ERROR_NONE };
    assert_true(secret_allocate(&secret, NULL));
    assert_false(secret_read_command(&secret, line, 300000, &error));
    assert_non_null(strstr(error.message, "within 300 ms"));
    secret_end(&secret);
    assert_ends_soon(read_pid(folder));
}

static void a_command_that_hangs_is_killed_with_all_it_started(void **state)
{
    assert_hang_is_ended(*state, "", "sleep 100");
    assert_hang_is_ended(*state, "exec >/dev/null;", "wait"); /* its output has ended, it has not */
    assert_hang_is_ended(*state, "", "echo a; exit 0");       /* it has ended, its output has not */
}

static void a_secret_in_the_place_of_its_source_is_refused_and_not_shown(void **state)
{
    (void)state;
    assert_refused(MADE_UP, false, "never the secret itself");
    assert_refused("", false, "no source is named");
    assert_refused("keystore:main", false, "no source is named");
}

static void a_mask_keeps_the_length_and_shows_eight_characters_of_a_long_key(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        const char *masked;
    } cases[] = {
        { "", "" },
        { "a", "*" },
        { "abcdefghijk", "***********" },
        { "abcdefghijkl", "abcd****ijkl" },
        { MADE_UP, "0f3c************************8c0e" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        char masked[64] = "";
        secret_mask(masked, slice_text(cases[i].key));
        assert_string_equal(masked, cases[i].masked);
    }
}

static void ending_a_secret_twice_is_harmless(void **state)
{
    (void)state;
    struct secret secret;
    assert_true(secret_read(&secret, "command:echo x", false, WHAT, NULL));
    secret_end(&secret);
    secret_end(&secret);
}

int main(int argc, char **argv)
{
    if (argc == 1) {
        char again[] = "again", variable[] = INHERITED_NAME "=" INHERITED_VALUE, path[] = "PATH=/usr/bin:/bin";
        char *const arguments[] = { argv[0], again, NULL };
        char *const environment[] = { path, variable, NULL };
        (void)execve("/proc/self/exe", arguments, environment);
        perror("execve /proc/self/exe");
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_variable_is_wiped_where_the_kernel_shows_it_and_unset),
        cmocka_unit_test(a_refused_variable_is_wiped_all_the_same),
        cmocka_unit_test(loading_leaves_the_variable_for_the_next_reader),
        cmocka_unit_test(a_variable_that_is_not_set_is_named),
        cmocka_unit_test_setup_teardown(a_private_file_is_read_without_its_last_newline, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_file_that_others_may_use_is_refused_with_the_command_that_helps, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(what_is_not_a_regular_file_is_refused_at_once, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(white_space_around_a_secret_is_refused_by_name_and_place, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(trim_takes_white_space_off_but_never_makes_an_empty_secret, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_control_byte_inside_is_refused_even_with_trim, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_secret_of_4096_bytes_is_taken_and_one_of_4097_is_not, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_credential_is_a_file_in_systemds_folder, make_folder, remove_folder),
        cmocka_unit_test(a_commands_output_is_the_secret),
        cmocka_unit_test(a_command_that_fails_is_refused_with_its_exit_code),
        cmocka_unit_test_setup_teardown(a_command_that_hangs_is_killed_with_all_it_started, make_folder, remove_folder),
        cmocka_unit_test(a_secret_in_the_place_of_its_source_is_refused_and_not_shown),
        cmocka_unit_test(a_mask_keeps_the_length_and_shows_eight_characters_of_a_long_key),
        cmocka_unit_test(ending_a_secret_twice_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
