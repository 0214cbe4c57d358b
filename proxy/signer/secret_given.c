/* What was given once: secrets that came in variables. Supervisor, and each signer until it has read its sources. */
#include "secret_given.h"

#include "secret_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct given {
    struct given *next;
    char *variable;
    struct secret value;
};

static struct given *first; /* NULL: nothing was taken */

struct taking {
    struct error *error;
    bool has_failed;
};

static struct given *make(const char *variable, const char *value, struct error *error)
{
    struct given *made = calloc(1, sizeof(*made));
    char *name = strdup(variable);
    if (made == NULL || name == NULL || !secret_allocate(&made->value, error)) {
        free(made);
        free(name);
        return NULL;
    }
    made->variable = name;
    made->value.length = strlen(value);
    memcpy(made->value.bytes, value, made->value.length);
    return made;
}

static void take(void *context, const char *variable)
{
    struct taking *taking = context;
    const char *value = getenv(variable);
    char source[sizeof("env:") + SECRET_MAX];
    if (taking->has_failed || value == NULL || strnlen(value, SECRET_MAX + 1) > SECRET_MAX)
        return; /* taken already, where two accounts name it */
    struct given *made = make(variable, value, taking->error);
    if (made == NULL) {
        taking->has_failed = !error_set(taking->error, ERROR_MEMORY, "no memory for the secrets that variables hold");
        return;
    }
    (void)snprintf(source, sizeof(source), "env:%s", variable); /* cut, it names no variable, and nothing is wiped */
    secret_source_forget(source);
    made->next = first;
    first = made;
}

bool secret_given_take(const struct config *config, struct error *error)
{
    struct taking taking = { .error = error };
    config_each_secret_variable(config, take, &taking);
    return !taking.has_failed;
}

const struct secret *secret_given_find(const char *variable)
{
    for (const struct given *given = first; given != NULL; given = given->next) {
        if (strcmp(given->variable, variable) == 0)
            return &given->value;
    }
    return NULL;
}

void secret_given_hand_to_children(bool handed)
{
    for (const struct given *given = first; given != NULL; given = given->next)
        secret_hand_to_children(&given->value, handed);
}

static void end(struct given *given)
{
    secret_end(&given->value);
    free(given->variable);
    free(given);
}

void secret_given_end(const char *variable)
{
    struct given **place = &first;
    while (*place != NULL && strcmp((*place)->variable, variable) != 0)
        place = &(*place)->next;
    struct given *found = *place;
    if (found == NULL)
        return;
    *place = found->next;
    end(found);
}

void secret_given_end_all(void)
{
    while (first != NULL) {
        struct given *ended = first;
        first = ended->next;
        end(ended);
    }
}

void secret_given_leave_behind(void)
{
    while (first != NULL) {
        struct given *left = first;
        first = left->next;
        free(left->variable);
        free(left);
    }
}
