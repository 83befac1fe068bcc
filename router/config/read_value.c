/* Values that several sections of the configuration have: countries, places, files, secrets. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/read.h"

#define PATH_BYTES_MAX 1024
#define SECRET_BYTES_MAX 8192

void *reader_alloc(const struct reader *reader, size_t count, size_t size)
{
    return arena_zalloc(&reader->config->arena, (count > 0 ? count : 1) * size);
}

bool read_country(const struct yaml_node *node, const char **out)
{
    *out = "";
    const bool good = node->kind == YAML_SCALAR && node->text_len == 2 && node->text[0] >= 'A' &&
                      node->text[0] <= 'Z' && node->text[1] >= 'A' && node->text[1] <= 'Z';
    if (!good)
        return yaml_unexpected(node, "a country as two capital letters (ISO 3166-1)");
    *out = node->text;
    return true;
}

bool read_continent(const struct yaml_node *node, const char **out)
{
    static const char *const continents[] = {"AF", "AN", "AS", "EU", "NA", "OC", "SA", NULL};
    int choice;
    const bool good = yaml_as_choice(node, &choice, continents);
    *out = continents[choice];
    return good;
}

void read_texts(const struct reader *reader, struct yaml_node *map, const char *key,
                read_item *item, const char *what, struct config_texts *out)
{
    struct yaml_node *node = yaml_get(map, key);
    *out = (struct config_texts){0};
    if (node == NULL)
        return;
    const char **items = reader_alloc(reader, node->count + 1, sizeof *items);
    if (node->kind == YAML_SCALAR) {
        item(node, &items[out->count++]);
    } else if (node->kind == YAML_LIST && node->count > 0) {
        YAML_EACH(child, node)
        item(child, &items[out->count++]);
    } else {
        char expected[128];
        snprintf(expected, sizeof expected, "%s, or a list of them", what);
        if (node->kind == YAML_LIST)
            yaml_problem(node, "expected %s, found an empty list", expected);
        else
            yaml_unexpected(node, expected);
    }
    out->items = items;
}

void read_coordinates(struct yaml_node *map, double *latitude, double *longitude)
{
    const struct yaml_node *first = yaml_get(map, "latitude");
    const struct yaml_node *second = yaml_get(map, "longitude");
    yaml_get_number(map, "latitude", latitude, -90, 90, NAN);
    yaml_get_number(map, "longitude", longitude, -180, 180, NAN);
    if (first == NULL && second != NULL)
        yaml_problem(map, "longitude without latitude; both or none");
    if (first != NULL && second == NULL)
        yaml_problem(map, "latitude without longitude; both or none");
}

const char *read_path(const struct reader *reader, const struct yaml_node *node)
{
    const char *text;
    if (!yaml_as_text(node, &text, PATH_BYTES_MAX))
        return NULL;
    if (text[0] == '/')
        return text;
    return arena_printf(&reader->config->arena, "%s/%s", reader->folder, text).ptr;
}

const char *read_readable(const struct reader *reader, const struct yaml_node *node)
{
    const char *path = read_path(reader, node);
    if (path == NULL)
        return NULL;
    struct stat status;
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0 || fstat(file, &status) != 0) {
        yaml_problem(node, "cannot read %s: %s", path, strerror(errno));
        path = NULL;
    } else if (!S_ISREG(status.st_mode)) {
        yaml_problem(node, "%s is not a file", path);
        path = NULL;
    }
    if (file >= 0)
        close(file);
    return path;
}

const char *read_ca_file(const struct reader *reader, struct yaml_node *map)
{
    const struct yaml_node *node = yaml_get(map, "ca_file");
    const char *path = node ? read_readable(reader, node) : NULL;
    if (path == NULL)
        return NULL;
    struct error error;
    const struct tls_client_settings settings = {.verify = true, .ca_file = path, .offer_h1 = true};
    struct tls_client *tls = tls_client_create(&settings, &error);
    if (tls == NULL)
        yaml_problem(node, "%s", error.text);
    tls_client_drop(&tls);
    return path;
}

void secret_release(char **secret)
{
    if (*secret != NULL)
        explicit_bzero(*secret, strlen(*secret));
    free(*secret);
    *secret = NULL;
}

/* What is wrong with it, or NULL; cuts the blanks off. */
static const char *check_secret(char *text, size_t len)
{
    if (len > SECRET_BYTES_MAX)
        return "is larger than 8 KiB";
    while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL && text[len - 1] != '\0')
        text[--len] = '\0';
    const size_t start = strspn(text, " \t\r\n");
    memmove(text, text + start, len - start + 1);
    len -= start;
    if (len == 0)
        return "is empty";
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return "must be one line without control bytes";
    return NULL;
}

char *read_secret(const struct reader *reader, const struct yaml_node *node)
{
    const char *path = read_readable(reader, node);
    if (path == NULL)
        return NULL;
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    char *text = memory_zalloc(SECRET_BYTES_MAX + 2);
    size_t len = 0;
    ssize_t got = 0;
    while (file >= 0 && len <= SECRET_BYTES_MAX &&
           (got = read(file, text + len, SECRET_BYTES_MAX + 1 - len)) > 0)
        len += (size_t)got;
    const char *wrong = file < 0 || got < 0 ? strerror(errno) : check_secret(text, len);
    if (file >= 0)
        close(file);
    if (wrong == NULL)
        return text;
    yaml_problem(node, "%s %s", path, wrong);
    explicit_bzero(text, SECRET_BYTES_MAX + 2);
    free(text);
    return NULL;
}
