/* The table of recipes: one row for each way to go wrong. Data alone. */
#include "recipe_private.h"

#define BODY(name, value, meaning)                                                                                     \
    {                                                                                                                  \
        name, RECIPE_BODY, value, meaning, &recipe_fix_body, false                                                     \
    }
#define NO_BODY(name, value, meaning)                                                                                  \
    {                                                                                                                  \
        name, RECIPE_BODY, value, meaning, &recipe_fix_empty_body, false                                               \
    }
#define FORM(name, value, meaning)                                                                                     \
    {                                                                                                                  \
        name, RECIPE_BODY, value, meaning, &recipe_fix_form, false                                                     \
    }
#define JSON(name, dimension, value, meaning)                                                                          \
    {                                                                                                                  \
        name, dimension, value, meaning, &recipe_fix_json, false                                                       \
    }
#define QUERY(name, dimension, value, meaning)                                                                         \
    {                                                                                                                  \
        name, dimension, value, meaning, &recipe_fix_query, false                                                      \
    }
#define JOINER(name, value, meaning)                                                                                   \
    {                                                                                                                  \
        name, RECIPE_JOINER, value, meaning, &recipe_fix_joiner, false                                                 \
    }
#define PREFIX(name, value, meaning)                                                                                   \
    {                                                                                                                  \
        name, RECIPE_PREFIX, value, meaning, &recipe_fix_prefix, false                                                 \
    }
#define WINDOW(name, value, meaning)                                                                                   \
    {                                                                                                                  \
        name, RECIPE_WINDOW, value, meaning, &recipe_fix_window, false                                                 \
    }
#define EXPIRES(name, value, meaning, alone)                                                                           \
    {                                                                                                                  \
        name, RECIPE_WINDOW, value, meaning, &recipe_fix_expires, alone                                                \
    }
#define SECRET_READ(name, value, meaning)                                                                              \
    {                                                                                                                  \
        name, RECIPE_SECRET, value, meaning, &recipe_fix_secret_read, false                                            \
    }
#define SECRET_TEXT(name, value, meaning)                                                                              \
    {                                                                                                                  \
        name, RECIPE_SECRET, value, meaning, &recipe_fix_secret_text, false                                            \
    }
#define STEP(name, dimension, value, meaning, fix)                                                                     \
    {                                                                                                                  \
        name, dimension, value, meaning, fix, false                                                                    \
    }
#define OUTPUT(name, value, meaning)                                                                                   \
    {                                                                                                                  \
        name, RECIPE_OUTPUT, value, meaning, &recipe_fix_output, false                                                 \
    }

/* Within a dimension, what is met most comes first. Outputs come last: a pair with one is read off the other's hash. */
const struct recipe recipe_table[] = {
    NO_BODY("body-left-out", BODY_LEFT_OUT, "nothing was signed in place of the body"),
    NO_BODY("body-braces", BODY_BRACES, "`{}` was signed in place of the body"),
    NO_BODY("body-null", BODY_NULL, "`null` was signed in place of the body"),
    NO_BODY("body-quotes", BODY_QUOTES, "`\"\"`, an empty JSON string, was signed in place of the body"),
    NO_BODY("body-none", BODY_NONE, "`None`, Python's str(None), was signed in place of the body"),
    NO_BODY("body-undefined", BODY_UNDEFINED, "`undefined`, of JavaScript, was signed in place of the body"),
    BODY("body-object", BODY_OBJECT, "`[object Object]`, a JavaScript object as text, was signed in place of the body"),
    BODY("body-form", BODY_FORM, "the body's members were signed as name=value joined by &"),
    BODY("body-python-text", BODY_PYTHON_TEXT, "the body was signed as Python's str() of a dict, not as JSON"),
    BODY("body-java-text", BODY_JAVA_TEXT, "the body was signed as Java's toString() of a map, not as JSON"),
    FORM("body-json-spaced", BODY_OF_FORM_SPACED,
         "JSON was signed (Python's json.dumps), and its members were sent as a form, name=value joined by &"),
    FORM("body-json-compact", BODY_OF_FORM_COMPACT,
         "JSON was signed (JSON.stringify), and its members were sent as a form, name=value joined by &"),
    FORM("body-json-spaced-timestamp", BODY_OF_FORM_SPACED_TIMESTAMP,
         "JSON with a number as timestamp was signed (Python's json.dumps), and its members were sent as a form"),
    FORM("body-json-compact-timestamp", BODY_OF_FORM_COMPACT_TIMESTAMP,
         "JSON with a number as timestamp was signed (JSON.stringify), and its members were sent as a form"),
    FORM("body-json-spaced-numbers", BODY_OF_FORM_SPACED_NUMBERS,
         "JSON with numbers as such was signed (Python's json.dumps), and its members were sent as a form"),
    FORM("body-json-compact-numbers", BODY_OF_FORM_COMPACT_NUMBERS,
         "JSON with numbers as such was signed (JSON.stringify), and its members were sent as a form"),
    { "body-once", RECIPE_BODY, BODY_ONCE, "the body was sent as a JSON string of JSON; the JSON itself was signed",
      &recipe_fix_once, false },
    BODY("body-twice", BODY_TWICE, "the body was signed as a JSON string of JSON: serialised twice"),
    JSON("json-compact", RECIPE_SPACING, SPACING_COMPACT,
         "the body was signed as JSON without white space (JavaScript's default), and sent otherwise"),
    JSON("json-spaced", RECIPE_SPACING, SPACING_PYTHON,
         "the body was signed as JSON with a blank behind each , and : (Python's default), and sent otherwise"),
    JSON("json-indent-2", RECIPE_SPACING, SPACING_INDENT_2, "the body was signed as JSON indented by 2 blanks"),
    JSON("json-indent-4", RECIPE_SPACING, SPACING_INDENT_4, "the body was signed as JSON indented by 4 blanks"),
    JSON("json-sorted", RECIPE_ORDER, ORDER_SORTED,
         "the body was signed with its members sorted, and sent in another order"),
    JSON("json-ascii", RECIPE_ESCAPES, ESCAPES_ASCII,
         "the body was signed with \\uXXXX for what is not ASCII (Python's default), and sent otherwise"),
    JSON("json-utf8", RECIPE_ESCAPES, ESCAPES_UTF8, "the body was signed as UTF-8, and sent with \\uXXXX escapes"),
    JSON("json-slashes", RECIPE_ESCAPES, ESCAPES_SLASHES, "the body was signed with \\/ for / (PHP's default)"),
    JSON("numbers-python", RECIPE_NUMBERS, NUMBERS_PYTHON,
         "the body was signed with its numbers as Python prints them (9.2e-10, 1.0)"),
    JSON("numbers-javascript", RECIPE_NUMBERS, NUMBERS_JAVASCRIPT,
         "the body was signed with its numbers as JavaScript prints them (9.2e-10, 1 for 1.0)"),
    JSON("numbers-java", RECIPE_NUMBERS, NUMBERS_JAVA,
         "the body was signed with its numbers as Java prints them (9.2E-10, 1.0)"),
    JSON("numbers-quoted", RECIPE_NUMBERS, NUMBERS_QUOTED, "the body was signed with its numbers as strings"),
    JSON("numbers-bare", RECIPE_NUMBERS, NUMBERS_BARE,
         "the body was signed with numbers where it has strings of digits"),
    JSON("body-newline", RECIPE_ENDING, ENDING_NEWLINE, "the body was signed with a line feed behind it"),
    JSON("body-crlf", RECIPE_ENDING, ENDING_CRLF, "the body was signed with CR and LF behind it"),
    JSON("body-bom", RECIPE_ENDING, ENDING_BOM, "the body was signed with a byte order mark before it"),
    JSON("body-trimmed", RECIPE_ENDING, ENDING_TRIMMED,
         "the body was signed without the white space or byte order mark around it"),
    QUERY("query-left-out", RECIPE_QUERY, QUERY_LEFT_OUT, "the query was left out of what was signed"),
    QUERY("query-with-mark", RECIPE_QUERY, QUERY_MARK, "the query was signed with its ?"),
    QUERY("query-json-spaced", RECIPE_QUERY, QUERY_JSON_PYTHON,
          "the parameters were signed as JSON (Python's json.dumps), and sent as a query"),
    QUERY("query-json-compact", RECIPE_QUERY, QUERY_JSON_COMPACT,
          "the parameters were signed as JSON (JSON.stringify), and sent as a query"),
    QUERY("query-sorted", RECIPE_QUERY_ORDER, QUERY_SORTED, "the query was signed with its parameters sorted"),
    QUERY("query-decoded", RECIPE_QUERY_CODING, QUERY_DECODED,
          "the query was signed without its percent-encoding, + as a blank"),
    QUERY("query-decoded-plus", RECIPE_QUERY_CODING, QUERY_DECODED_KEEPS_PLUS,
          "the query was signed without its percent-encoding, + as +"),
    QUERY("query-blank-as-plus", RECIPE_QUERY_CODING, QUERY_BLANK_AS_PLUS,
          "the query was signed with + where %20 was sent"),
    QUERY("query-plus-as-blank", RECIPE_QUERY_CODING, QUERY_PLUS_AS_BLANK,
          "the query was signed with %20 where + was sent"),
    QUERY("query-hex-lower", RECIPE_QUERY_CODING, QUERY_HEX_LOWER,
          "the query was signed with lower-case percent-encoding (%2f), and sent with upper-case"),
    QUERY("query-hex-upper", RECIPE_QUERY_CODING, QUERY_HEX_UPPER,
          "the query was signed with upper-case percent-encoding (%2F), and sent with lower-case"),
    QUERY("query-urlencode", RECIPE_QUERY_CODING, QUERY_URLENCODE,
          "the query was signed as Python's urlencode() writes it, and sent otherwise"),
    QUERY("query-encode-component", RECIPE_QUERY_CODING, QUERY_ENCODE_COMPONENT,
          "the query was signed as JavaScript's encodeURIComponent() writes it, and sent otherwise"),
    JOINER("join-ampersand", JOINER_AMPERSAND, "a & was signed between query and body"),
    JOINER("join-newline", JOINER_NEWLINE, "a line feed was signed between query and body"),
    JOINER("join-body-first", JOINER_BODY_FIRST, "the body was signed before the query"),
    PREFIX("with-path", PREFIX_PATH, "the path was signed before query and body"),
    PREFIX("with-target", PREFIX_TARGET, "path, ? and query were signed before the body"),
    PREFIX("with-path-below-api", PREFIX_PATH_BELOW_API, "the path without /api was signed before query and body"),
    PREFIX("with-method", PREFIX_METHOD, "the method was signed before query and body"),
    PREFIX("with-method-target", PREFIX_METHOD_TARGET, "method, path, ? and query were signed before the body"),
    PREFIX("with-host", PREFIX_HOST, "the host was signed before query and body"),
    PREFIX("with-url", PREFIX_URL, "the whole URL was signed before the body"),
    PREFIX("with-expires", PREFIX_EXPIRES, "X-CS-EXPIRES was signed before query and body"),
    PREFIX("with-expires-method-target", PREFIX_EXPIRES_METHOD_TARGET,
           "X-CS-EXPIRES, method, path, ? and query were signed before the body, as other exchanges have it"),
    PREFIX("with-expires-behind", PREFIX_EXPIRES_BEHIND, "X-CS-EXPIRES was signed behind query and body"),
    PREFIX("with-api-key", PREFIX_KEY, "the API key was signed before query and body"),
    WINDOW("window-seconds", WINDOW_OF_SECONDS,
           "the window was made from X-CS-EXPIRES divided by 1000: seconds for milliseconds"),
    WINDOW("window-microseconds", WINDOW_OF_MICROSECONDS,
           "the window was made from a thousand times X-CS-EXPIRES: microseconds, or X-CS-EXPIRES is in seconds"),
    WINDOW("window-undivided", WINDOW_UNDIVIDED, "X-CS-EXPIRES itself was taken for the window, without dividing it"),
    WINDOW("window-rounded", WINDOW_ROUNDED, "the window was rounded to the nearest, not down"),
    WINDOW("window-float", WINDOW_FLOAT, "the window was signed as a float, with .0 behind it"),
    WINDOW("window-not-floored", WINDOW_NOT_FLOORED, "the window was signed with its fraction, not rounded down"),
    EXPIRES("window-of-timestamp", WINDOW_OF_TIMESTAMP,
            "the window was made from the body's timestamp, which is of another moment than X-CS-EXPIRES", false),
    EXPIRES("window-before", WINDOW_BEFORE,
            "the window before that of X-CS-EXPIRES was signed: the time was read twice, or rounded", false),
    EXPIRES("window-after", WINDOW_AFTER,
            "the window after that of X-CS-EXPIRES was signed: the time was read twice, or rounded up", false),
    EXPIRES("window-away", WINDOW_AWAY,
            "another moment was signed than X-CS-EXPIRES says, some windows away: an old signature, or another clock",
            true),
    WINDOW("window-by-1000", WINDOW_BY_1000, "X-CS-EXPIRES was divided by 1000 instead of 30000"),
    WINDOW("window-by-3000", WINDOW_BY_3000, "X-CS-EXPIRES was divided by 3000 instead of 30000"),
    WINDOW("window-by-5000", WINDOW_BY_5000, "X-CS-EXPIRES was divided by 5000 instead of 30000"),
    WINDOW("window-by-10000", WINDOW_BY_10000, "X-CS-EXPIRES was divided by 10000 instead of 30000"),
    WINDOW("window-by-15000", WINDOW_BY_15000, "X-CS-EXPIRES was divided by 15000 instead of 30000"),
    WINDOW("window-by-20000", WINDOW_BY_20000, "X-CS-EXPIRES was divided by 20000 instead of 30000"),
    WINDOW("window-by-60000", WINDOW_BY_60000, "X-CS-EXPIRES was divided by 60000 instead of 30000"),
    WINDOW("window-by-300000", WINDOW_BY_300000, "X-CS-EXPIRES was divided by 300000 instead of 30000"),
    WINDOW("window-by-3600000", WINDOW_BY_3600000, "X-CS-EXPIRES was divided by 3600000 instead of 30000"),
    SECRET_READ("secret-blank-behind", SECRET_BLANK_BEHIND, "the secret was used with a blank behind it"),
    SECRET_READ("secret-blank-before", SECRET_BLANK_BEFORE, "the secret was used with a blank before it"),
    SECRET_READ("secret-newline", SECRET_NEWLINE, "the secret was used with a line feed behind it"),
    SECRET_READ("secret-crlf", SECRET_CRLF, "the secret was used with CR and LF behind it"),
    SECRET_READ("secret-tab", SECRET_TAB, "the secret was used with a tab behind it"),
    SECRET_READ("secret-bom", SECRET_BOM, "the secret was used with a byte order mark before it"),
    SECRET_READ("secret-quoted", SECRET_QUOTED, "the secret was used with the double quotes around it"),
    SECRET_READ("secret-single-quoted", SECRET_SINGLE_QUOTED, "the secret was used with the single quotes around it"),
    SECRET_TEXT("secret-bytes-text", SECRET_BYTES_TEXT, "the secret was used as Python's str() of bytes: b'...'"),
    SECRET_TEXT("secret-hex-decoded", SECRET_HEX_DECODED, "the secret was hex-decoded; it is used as text"),
    SECRET_TEXT("secret-hex-encoded", SECRET_HEX_ENCODED, "the secret was hex-encoded; it is used as it is"),
    SECRET_TEXT("secret-base64-decoded", SECRET_BASE64_DECODED, "the secret was base64-decoded; it is used as text"),
    SECRET_TEXT("secret-base64-encoded", SECRET_BASE64_ENCODED, "the secret was base64-encoded; it is used as it is"),
    SECRET_TEXT("secret-upper", SECRET_UPPER, "the secret was used in upper case"),
    SECRET_TEXT("secret-lower", SECRET_LOWER, "the secret was used in lower case"),
    SECRET_READ("secret-first-missing", SECRET_FIRST_MISSING, "the secret was used without its first character"),
    SECRET_READ("secret-last-missing", SECRET_LAST_MISSING, "the secret was used without its last character"),
    SECRET_READ("secret-is-api-key", SECRET_IS_API_KEY, "the API key was used in place of the secret"),
    SECRET_READ("secret-empty", SECRET_EMPTY, "an empty secret was used: it was not set"),
    SECRET_READ("secret-none", SECRET_NONE, "`None` was used as the secret: it was not set (Python)"),
    SECRET_READ("secret-undefined", SECRET_UNDEFINED,
                "`undefined` was used as the secret: it was not set (JavaScript)"),
    SECRET_READ("secret-null", SECRET_NULL, "`null` was used as the secret: it was not set (Java, JavaScript)"),
    STEP("key-raw", RECIPE_INTERMEDIATE, INTERMEDIATE_RAW,
         "the window key was used as 32 raw bytes, not as the 64 characters of their hex", &recipe_fix_intermediate),
    STEP("key-upper", RECIPE_INTERMEDIATE, INTERMEDIATE_UPPER, "the window key was used as upper-case hex",
         &recipe_fix_intermediate),
    STEP("key-base64", RECIPE_INTERMEDIATE, INTERMEDIATE_BASE64, "the window key was used as base64, not as hex",
         &recipe_fix_intermediate),
    STEP("one-step", RECIPE_STEPS, STEPS_ONE, "the payload was signed with the secret itself, without a window key",
         &recipe_fix_steps),
    STEP("first-swapped", RECIPE_STEPS, STEPS_FIRST_SWAPPED,
         "key and message were swapped when the window key was made", &recipe_fix_steps),
    STEP("second-swapped", RECIPE_STEPS, STEPS_SECOND_SWAPPED,
         "key and message were swapped when the payload was signed", &recipe_fix_steps),
    STEP("both-swapped", RECIPE_STEPS, STEPS_BOTH_SWAPPED, "key and message were swapped in both steps",
         &recipe_fix_steps),
    STEP("sha512", RECIPE_DIGEST, DIGEST_SHA512, "SHA-512 was used in both steps, not SHA-256", &recipe_fix_digest),
    STEP("sha1", RECIPE_DIGEST, DIGEST_SHA1, "SHA-1 was used in both steps, not SHA-256", &recipe_fix_digest),
    OUTPUT("sign-upper", OUTPUT_UPPER, "the signature was sent in upper-case hex"),
    OUTPUT("sign-base64", OUTPUT_BASE64, "the signature was sent as base64, not as hex"),
    OUTPUT("sign-base64-url", OUTPUT_BASE64_URL,
           "the signature was sent as base64 for URLs or without padding, not as hex"),
    OUTPUT("sign-raw", OUTPUT_RAW,
           "the signature was sent as raw bytes (as they are, percent-encoded, or as UTF-8 of them)"),
    OUTPUT("sign-base64-of-hex", OUTPUT_BASE64_OF_HEX, "the signature was sent as base64 of its hex"),
    OUTPUT("sign-hex-of-hex", OUTPUT_HEX_OF_HEX, "the signature was sent as hex of its hex"),
    OUTPUT("sign-quoted", OUTPUT_QUOTED, "the signature was sent with quotes, or as Python's str() of bytes: b'...'"),
};
const size_t recipe_table_count = ARRAY_LENGTH(recipe_table);

size_t recipe_count(void)
{
    return recipe_table_count;
}

const struct recipe *recipe_at(size_t i)
{
    return &recipe_table[i];
}

const char *recipe_dimension_name(enum recipe_dimension dimension)
{
    static const char *const names[RECIPE_DIMENSION_COUNT] = {
        [RECIPE_BODY] = "body",
        [RECIPE_SPACING] = "spacing",
        [RECIPE_ORDER] = "order",
        [RECIPE_ESCAPES] = "escapes",
        [RECIPE_NUMBERS] = "numbers",
        [RECIPE_ENDING] = "ending",
        [RECIPE_QUERY] = "query",
        [RECIPE_QUERY_ORDER] = "query-order",
        [RECIPE_QUERY_CODING] = "query-coding",
        [RECIPE_JOINER] = "joiner",
        [RECIPE_PREFIX] = "prefix",
        [RECIPE_WINDOW] = "window",
        [RECIPE_SECRET] = "secret",
        [RECIPE_INTERMEDIATE] = "intermediate",
        [RECIPE_STEPS] = "steps",
        [RECIPE_DIGEST] = "digest",
        [RECIPE_OUTPUT] = "output",
    };
    return names[dimension];
}
