/* Where the configuration's file is, and what its paths mean. Owns nothing; any thread. */
#include "paths.h"

#include "problems.h"

#include "countersign/config.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char system_file[] = "/etc/countersign/countersign.ini";

const char *config_environment_get(char *const *environment, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; environment != NULL && environment[i] != NULL; i++) {
        if (strncmp(environment[i], name, length) == 0 && environment[i][length] == '=')
            return environment[i][length + 1] == '\0' ? NULL : environment[i] + length + 1;
    }
    return NULL;
}

/* FOLDER + rest into *path, or NULL where no such file exists. The caller frees it. False when out of memory. */
static bool find_existing(char **path, const char *folder, const char *rest)
{
    *path = NULL;
    if (folder == NULL || folder[0] != '/')
        return true;
    if (asprintf(path, "%s%s", folder, rest) < 0) {
        *path = NULL;
        return false;
    }
    if (access(*path, F_OK) == 0)
        return true;
    free(*path);
    *path = NULL;
    return true;
}

bool config_paths_default_file(char **path, char *const *environment)
{
    const char *xdg = config_environment_get(environment, "XDG_CONFIG_HOME");
    bool has_xdg = xdg != NULL && xdg[0] == '/';
    const char *folder = has_xdg ? xdg : config_environment_get(environment, "HOME");
    if (!find_existing(path, folder, has_xdg ? "/countersign/countersign.ini" : "/.config/countersign/countersign.ini"))
        return false;
    return *path != NULL || find_existing(path, system_file, "");
}

char *config_default_file(void)
{
    char *path;
    return config_paths_default_file(&path, environ) ? path : NULL;
}

/* a + b + c, in memory of its own. */
static char *join(const char *a, const char *b, const char *c, struct buffer *complaint)
{
    char *whole = NULL;
    if (asprintf(&whole, "%s%s%s", a, b, c) >= 0)
        return whole;
    (void)buffer_append_text(complaint, "out of memory"); /* the caller checks `failed`, here and below */
    return NULL;
}

static char *below_home(const char *path, const char *home, struct buffer *complaint)
{
    if (path[1] != '/' && path[1] != '\0') {
        (void)buffer_append_text(complaint, "expected a path that begins with / or ~/, not ");
        config_quote(complaint, slice_text(path));
        return NULL;
    }
    if (home == NULL || home[0] != '/') {
        (void)buffer_append_text(complaint, "`~` stands for $HOME, which is not set to an absolute path; set HOME, or "
                                            "write the path in full");
        return NULL;
    }
    return join(home, path + 1, "", complaint);
}

char *config_path_absolute(const char *path, const char *home, struct buffer *complaint)
{
    char folder[PATH_MAX];
    if (path[0] == '~')
        return below_home(path, home, complaint);
    if (path[0] == '/')
        return join(path, "", "", complaint);
    if (getcwd(folder, sizeof(folder)) != NULL)
        return join(folder, strcmp(folder, "/") == 0 ? "" : "/", path, complaint);
    (void)buffer_append_text(complaint, "a relative path, but the working folder cannot be read; write it in full");
    return NULL;
}
