#include "conform/pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

void pages_init(struct pages *pages, size_t bytes, bool writable)
{
    const size_t page = page_bytes();
    const int fd = memfd_create("conform", MFD_CLOEXEC);
    pages->bytes = (bytes + page - 1) / page * page;
    pages->bytes = pages->bytes > 0 ? pages->bytes : page;
    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, (off_t)pages->bytes), 0);
    pages->ours = mmap(NULL, pages->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(pages->ours != MAP_FAILED);
    char *room = mmap(NULL, pages->bytes + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(room != MAP_FAILED);
    pages->shown = mmap(room + page, pages->bytes, PROT_READ | (writable ? PROT_WRITE : 0),
                        MAP_SHARED | MAP_FIXED, fd, 0);
    CHECK(pages->shown != MAP_FAILED);
    close(fd);
}

void pages_finish(struct pages *pages)
{
    const size_t page = page_bytes();
    munmap(pages->ours, pages->bytes);
    munmap(pages->shown - page, pages->bytes + 2 * page);
    *pages = (struct pages){0};
}

char *pages_ours(const struct pages *pages, size_t bytes)
{
    CHECK_LE(bytes, pages->bytes);
    return pages->ours + pages->bytes - bytes;
}

char *pages_shown(const struct pages *pages, size_t bytes)
{
    CHECK_LE(bytes, pages->bytes);
    return pages->shown + pages->bytes - bytes;
}

bool pages_hold(const struct pages *pages, const void *address)
{
    const char *at = address;
    return at >= pages->shown && at < pages->shown + pages->bytes;
}

bool pages_border(const struct pages *pages, const void *address)
{
    const size_t page = page_bytes();
    const char *at = address;
    return !pages_hold(pages, at) && at >= pages->shown - page &&
           at < pages->shown + pages->bytes + page;
}
