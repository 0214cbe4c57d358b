/* The options of `countersign mock`: their help, and what they mean together. */
#include "mock_options.h"

#include "refused_option.h"

#include "countersign/slice.h"

#include <fcntl.h>
#include <getopt.h>
#include <string.h>

const char mock_help[] =
    "usage: countersign mock [OPTIONS]\n"
    "\n"
    "Runs an exchange on this machine that answers as Coinstore's documentation says: it checks API key, window and\n"
    "signature, keeps balances, orders and trades in memory until it ends, and says in its log and in a header,\n"
    "Countersign-Mock-Refusal, why it refused a request. No order leaves this machine. SIGINT (Ctrl-C) and SIGTERM\n"
    "end it.\n"
    "\n"
    "      --listen ADDRESS          where to listen (default: " MOCK_DEFAULT_LISTEN "; port 0: any free one); again\n"
    "                                for each more, as 127.0.0.1:9787 and [::1]:9787\n"
    "      --tls                     HTTPS, with a certificate made at start for localhost, 127.0.0.1 and ::1\n"
    "      --certificate FILE        HTTPS, with this certificate (PEM) ...\n"
    "      --key FILE                ... and its key (PEM)\n"
    "      --write-certificate FILE  writes the certificate, for clients to trust (curl --cacert FILE)\n"
    "      --api-key SOURCE          the key that clients use (default: env:" MOCK_KEY_VARIABLE ")\n"
    "      --api-secret SOURCE       and its secret (default: env:" MOCK_SECRET_VARIABLE ")\n"
    "                                SOURCE: env:NAME, file:PATH, credential:NAME, command:LINE. Without any, and\n"
    "                                without these variables, a key and a secret are made up and printed\n"
    "      --log-format FORMAT       text, json\n"
    "      --log-level LEVEL         info; warning: refused requests alone\n"
    "      --quiet                   no start-up lines and no line for each request\n"
    "      --ready-fd N              writes each address as one line to this descriptor once it listens\n"
    "      --help                    this text\n"
    "\n"
    "What goes wrong on purpose. A PATH is as /api/trade/order/place; a * at its end stands for any rest, * alone for\n"
    "every path. A DURATION is a whole number with us, ms, s, m or h.\n"
    "      --ip-whitelist ADDRESS[,ADDRESS]\n"
    "                                answers 1401 to private calls from any other address\n"
    "      --clock-offset DURATION   the exchange's clock, in Date too, is ahead by this much; -45s: behind\n"
    "      --windows N               takes an X-CS-EXPIRES of up to N windows of 30 s before or behind its own "
    "clock's\n"
    "                                (default: 1; not documented: find out what your bot survives)\n"
    "      --rate-limit N/DURATION   answers 429 to all beyond N requests from one address in this time (documented:\n"
    "                                300/3s)\n"
    "      --latency DURATION        each answer comes this much later ...\n"
    "      --jitter DURATION         ... and up to this much more, at random\n"
    "      --fail PATH=CODE[:SHARE]  does nothing and answers with this code and HTTP 200, or with the HTTP status of\n"
    "                                http-503; SHARE of the requests, as 0.25 or 25% (default: all)\n"
    "      --reset-after-request PATH  does what was asked, and resets the connection in place of an answer\n"
    "      --stall PATH              does what was asked, and never answers\n"
    "      --garbage PATH            does nothing and answers HTML with HTTP 200, as a captive portal\n"
    "      --close-idle DURATION     closes a connection on which nothing happened for this long (whole seconds)\n"
    "      --seed N                  another run of what is random; the same seed gives the same run (default: 1)\n";

enum option_id {
    OPTION_LISTEN = 1,
    OPTION_TLS,
    OPTION_CERTIFICATE,
    OPTION_KEY,
    OPTION_WRITE_CERTIFICATE,
    OPTION_API_KEY,
    OPTION_API_SECRET,
    OPTION_LOG_FORMAT,
    OPTION_LOG_LEVEL,
    OPTION_QUIET,
    OPTION_READY_FD,
    OPTION_HELP,
    OPTION_SWITCH /* the first mock_switch; the others follow */
};

static const struct {
    const char *name;
    enum mock_switch which;
} switches[] = {
    { "ip-whitelist", MOCK_SWITCH_IP_WHITELIST },
    { "clock-offset", MOCK_SWITCH_CLOCK_OFFSET },
    { "rate-limit", MOCK_SWITCH_RATE_LIMIT },
    { "latency", MOCK_SWITCH_LATENCY },
    { "jitter", MOCK_SWITCH_JITTER },
    { "seed", MOCK_SWITCH_SEED },
    { "fail", MOCK_SWITCH_FAIL },
    { "reset-after-request", MOCK_SWITCH_RESET },
    { "stall", MOCK_SWITCH_STALL },
    { "garbage", MOCK_SWITCH_GARBAGE },
    { "close-idle", MOCK_SWITCH_CLOSE_IDLE },
    { "windows", MOCK_SWITCH_WINDOWS },
};

static bool read_log_format(enum log_format *format, const char *value, struct error *error)
{
    if (strcmp(value, "text") != 0 && strcmp(value, "json") != 0)
        return error_set(error, ERROR_USAGE, "--log-format is text or json, not \"%s\"", value);
    *format = strcmp(value, "json") == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
    return true;
}

static bool read_log_level(enum log_level *level, const char *value, struct error *error)
{
    if (strcmp(value, "info") != 0 && strcmp(value, "warning") != 0)
        return error_set(error, ERROR_USAGE, "--log-level is info or warning, not \"%s\"", value);
    *level = strcmp(value, "info") == 0 ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING;
    return true;
}

static bool read_ready_fd(int *fd, const char *value, struct error *error)
{
    uint64_t number;
    if (!slice_to_u64(slice_text(value), &number) || number > INT32_MAX || fcntl((int)number, F_GETFD) < 0)
        return error_set(error, ERROR_USAGE, "--ready-fd wants the number of an open descriptor, not \"%s\"", value);
    *fd = (int)number;
    return true;
}

static bool add_listen(struct mock_command *command, const char *value, struct error *error)
{
    if (command->listen_count == MOCK_LISTEN_MAX)
        return error_set(error, ERROR_USAGE, "--listen stands more than %d times", MOCK_LISTEN_MAX);
    command->listen[command->listen_count++] = value;
    return true;
}

static bool take_switch(struct mock_command *command, size_t index, const char *value, struct error *error)
{
    return mock_rehearsal_set(&command->rehearsal, switches[index].which, value, error) ||
           error_prefix(error, "--%s", switches[index].name);
}

/* Takes one option over. */
static bool take_option(struct mock_command *command, int option, const char *value, struct error *error)
{
    const char **const texts[] = {
        [OPTION_CERTIFICATE] = &command->certificate_file,
        [OPTION_KEY] = &command->key_file,
        [OPTION_WRITE_CERTIFICATE] = &command->write_certificate,
        [OPTION_API_KEY] = &command->api_key,
        [OPTION_API_SECRET] = &command->api_secret,
        [OPTION_HELP] = NULL,
    };
    if (option >= OPTION_SWITCH)
        return take_switch(command, (size_t)(option - OPTION_SWITCH), value, error);
    if (option == OPTION_LISTEN)
        return add_listen(command, value, error);
    if (option == OPTION_TLS)
        command->tls = true;
    else if (option == OPTION_QUIET)
        command->quiet = true;
    else if (option == OPTION_HELP)
        command->help = true;
    else if (option == OPTION_LOG_FORMAT)
        return read_log_format(&command->log_format, value, error);
    else if (option == OPTION_LOG_LEVEL)
        return read_log_level(&command->log_level, value, error);
    else if (option == OPTION_READY_FD)
        return read_ready_fd(&command->ready_fd, value, error);
    else
        *texts[option] = value;
    return true;
}

/* What options mean together. */
static bool check_options(struct mock_command *command, struct error *error)
{
    if ((command->certificate_file == NULL) != (command->key_file == NULL))
        return error_set(error, ERROR_USAGE, "--certificate and --key go together");
    if ((command->api_key == NULL) != (command->api_secret == NULL))
        return error_set(error, ERROR_USAGE, "--api-key and --api-secret go together");
    if (command->listen_count == 0)
        command->listen[command->listen_count++] = MOCK_DEFAULT_LISTEN;
    command->tls = command->tls || command->certificate_file != NULL;
    if (command->write_certificate != NULL && !command->tls)
        return error_set(error, ERROR_USAGE, "--write-certificate is for --tls: without it there is no certificate");
    return true;
}

/* Those of this file, and the switches behind them. */
enum { OWN_OPTION_COUNT = OPTION_SWITCH - 1, OPTION_COUNT = OWN_OPTION_COUNT + ARRAY_LENGTH(switches) };

static void list_options(struct option options[OPTION_COUNT + 1])
{
    static const struct option own[OWN_OPTION_COUNT] = {
        { "listen", required_argument, NULL, OPTION_LISTEN },
        { "tls", no_argument, NULL, OPTION_TLS },
        { "certificate", required_argument, NULL, OPTION_CERTIFICATE },
        { "key", required_argument, NULL, OPTION_KEY },
        { "write-certificate", required_argument, NULL, OPTION_WRITE_CERTIFICATE },
        { "api-key", required_argument, NULL, OPTION_API_KEY },
        { "api-secret", required_argument, NULL, OPTION_API_SECRET },
        { "log-format", required_argument, NULL, OPTION_LOG_FORMAT },
        { "log-level", required_argument, NULL, OPTION_LOG_LEVEL },
        { "quiet", no_argument, NULL, OPTION_QUIET },
        { "ready-fd", required_argument, NULL, OPTION_READY_FD },
        { "help", no_argument, NULL, OPTION_HELP },
    };
    memcpy(options, own, sizeof(own));
    for (size_t i = 0; i < ARRAY_LENGTH(switches); i++)
        options[OWN_OPTION_COUNT + i] =
            (struct option){ switches[i].name, required_argument, NULL, OPTION_SWITCH + (int)i };
    options[OPTION_COUNT] = (struct option){ NULL, 0, NULL, 0 };
}

bool mock_options_read(struct mock_command *command, int argc, char **argv, struct error *error)
{
    struct option options[OPTION_COUNT + 1];
    list_options(options);
    *command = (struct mock_command){
        .rehearsal = MOCK_NO_REHEARSAL, .log_format = LOG_FORMAT_TEXT, .log_level = LOG_LEVEL_INFO, .ready_fd = -1
    };
    int option;
    optind = 1;
    opterr = 0; /* the messages are ours */
    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (option == '?' || option == ':')
            return refused_option_describe(option, argv[optind - 1], ":", options, error);
        if (!take_option(command, option, optarg, error))
            return false;
    }
    if (optind < argc)
        return error_set(error, ERROR_USAGE, "unexpected argument \"%s\"", argv[optind]);
    return check_options(command, error);
}
