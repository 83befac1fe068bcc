/* The access log's thread: nothing lost when the disk keeps up, counted when it does not. */
#include "unit.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "proxy/access_log.h"

static char folder[64], path[128], moved[128];

static int enter(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/isochrone-log-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/access.log", folder);
    snprintf(moved, sizeof moved, "%s/access.log.1", folder);
    return 0;
}

static void leave(void)
{
    unlink(path);
    unlink(moved);
    rmdir(folder);
}

static size_t lines_in(const char *name)
{
    FILE *file = fopen(name, "r");
    if (file == NULL)
        return 0;
    size_t lines = 0;
    for (int c; (c = fgetc(file)) != EOF;)
        lines += c == '\n';
    fclose(file);
    return lines;
}

static void add(struct access_log *log, struct access_log_lines *lines, size_t bytes)
{
    memset(buffer_reserve(&lines->bytes, bytes), 'x', bytes - 1);
    buffer_commit(&lines->bytes, bytes - 1);
    buffer_append_byte(&lines->bytes, '\n');
    access_log_line_added(log, lines, 1);
}

static struct access_log *open_log(void)
{
    struct error error;
    struct access_log *log = access_log_open(path, &error);
    assert_non_null(log);
    return log;
}

static void all_lines_arrive(void **state)
{
    enter(state);
    struct access_log *log = open_log();
    struct access_log_lines lines = {0};
    for (int i = 0; i < 5000; i++)
        add(log, &lines, 300);
    access_log_hand_over(log, &lines, 1, true);
    assert_int_equal(lines.count, 0);
    access_log_close(&log);
    assert_null(log);
    assert_int_equal(lines_in(path), 5000);
    buffer_release(&lines.bytes);
    leave();
}

static void young_lines_are_kept_for_company(void **state)
{
    enter(state);
    struct access_log *log = open_log();
    struct access_log_lines lines = {0};
    add(log, &lines, 10);
    access_log_hand_over(log, &lines, 1 + 10 * NS_PER_MS, false);
    assert_int_equal(lines.count, 1);
    access_log_hand_over(log, &lines, 1 + 60 * NS_PER_MS, false);
    assert_int_equal(lines.count, 0);
    access_log_close(&log);
    assert_int_equal(lines_in(path), 1);
    buffer_release(&lines.bytes);
    leave();
}

/* logrotate: renamed, then told. */
static void after_a_rename_a_new_file_is_begun(void **state)
{
    enter(state);
    struct access_log *log = open_log();
    struct access_log_lines lines = {0};
    add(log, &lines, 100);
    access_log_hand_over(log, &lines, 1, true);
    while (lines_in(path) != 1)
        sched_yield();
    assert_int_equal(rename(path, moved), 0);
    access_log_reopen(log);
    while (access(path, F_OK) != 0)
        sched_yield();
    add(log, &lines, 100);
    add(log, &lines, 100);
    access_log_hand_over(log, &lines, 1, true);
    access_log_close(&log);
    assert_int_equal(lines_in(moved), 1);
    assert_int_equal(lines_in(path), 2);
    buffer_release(&lines.bytes);
    leave();
}

static void a_folder_that_went_leaves_the_old_file(void **state)
{
    enter(state);
    struct access_log *log = open_log();
    struct access_log_lines lines = {0};
    char other[96];
    snprintf(other, sizeof other, "%s-moved", folder);
    assert_int_equal(rename(folder, other), 0);
    access_log_reopen(log);
    add(log, &lines, 100);
    access_log_hand_over(log, &lines, 1, true);
    access_log_close(&log);
    assert_int_equal(rename(other, folder), 0);
    assert_int_equal(lines_in(path), 1);
    buffer_release(&lines.bytes);
    leave();
}

/* A reader that does not read is a disk that does not write. */
static void what_the_disk_does_not_take_is_dropped_and_counted(void **state)
{
    enter(state);
    assert_int_equal(mkfifo(path, 0600), 0);
    const int reader = open(path, O_RDWR | O_NONBLOCK);
    struct access_log *log = open_log();
    struct access_log_lines lines = {0};
    enum { LINES = 20000, BYTES = 1000 };
    for (int i = 0; i < LINES; i++)
        add(log, &lines, BYTES);
    access_log_hand_over(log, &lines, 1, true);
    const uint64_t dropped = access_log_dropped(log);
    assert_in_range(dropped, 1, LINES - 1);
    size_t bytes = 0;
    char waste[65536];
    while (bytes < (LINES - dropped) * BYTES) {
        const ssize_t n = read(reader, waste, sizeof waste);
        if (n > 0)
            bytes += (size_t)n;
        else
            poll(&(struct pollfd){.fd = reader, .events = POLLIN}, 1, -1);
    }
    access_log_close(&log);
    assert_int_equal(bytes, (LINES - dropped) * BYTES);
    close(reader);
    buffer_release(&lines.bytes);
    leave();
}

static void a_place_that_cannot_be_written_is_said(void **state)
{
    (void)state;
    struct error error;
    assert_null(access_log_open("/nowhere/access.log", &error));
    assert_string_equal(error.text, "log /nowhere/access.log: No such file or directory");
    struct access_log *log = access_log_open("stdout", &error);
    assert_non_null(log);
    access_log_reopen(log); /* of nothing */
    access_log_close(&log);
    access_log_close(&log); /* of none */
}

UNIT_MAIN(all_lines_arrive, young_lines_are_kept_for_company, after_a_rename_a_new_file_is_begun,
          a_folder_that_went_leaves_the_old_file,
          what_the_disk_does_not_take_is_dropped_and_counted,
          a_place_that_cannot_be_written_is_said)
