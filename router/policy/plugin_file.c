#include "policy/plugin_file.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/memory.h"
#include "policy/plugin.h"

/* Our own ELF header, from the linker: what a loadable object must resemble. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

static bool owner_check(const struct stat *facts, struct error *error)
{
    if (!S_ISREG(facts->st_mode))
        return error_set(error, "it is not a regular file");
    if (facts->st_uid != 0 && facts->st_uid != geteuid())
        return error_set(error,
                         "its owner is user %u; it must belong to root or to user %u, "
                         "whom the router runs as",
                         facts->st_uid, geteuid());
    if (facts->st_mode & S_IWOTH)
        return error_set(error, "its mode is %04o, writable by everybody; 0644 would be right",
                         facts->st_mode & 07777u);
    if ((facts->st_mode & S_IWGRP) && facts->st_gid != 0 && facts->st_gid != getegid())
        return error_set(error, "its mode is %04o, writable by group %u; 0644 would be right",
                         facts->st_mode & 07777u, facts->st_gid);
    if (facts->st_size > PLUGIN_FILE_MAX_BYTES)
        return error_set(error, "it has %lld bytes; at most %u are read", (long long)facts->st_size,
                         PLUGIN_FILE_MAX_BYTES);
    return true;
}

static bool header_check(const ElfW(Ehdr) * header, struct error *error)
{
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return error_set(error, "it is not an ELF file; a shared object is needed, "
                                "compiled with cc -shared -fPIC");
    if (header->e_ident[EI_CLASS] != __ehdr_start.e_ident[EI_CLASS] ||
        header->e_ident[EI_DATA] != __ehdr_start.e_ident[EI_DATA] ||
        header->e_machine != __ehdr_start.e_machine)
        return error_set(error,
                         "it is for another machine (ELF class %u, machine %u); this router is "
                         "class %u, machine %u",
                         header->e_ident[EI_CLASS], header->e_machine,
                         __ehdr_start.e_ident[EI_CLASS], __ehdr_start.e_machine);
    if (header->e_type != ET_DYN)
        return error_set(error,
                         "it is ELF type %u, not a shared object (%u); link it with "
                         "cc -shared -fPIC",
                         header->e_type, ET_DYN);
    return true;
}

/* A cut file would not fail in dlopen but kill us with SIGBUS. */
static bool whole_check(const struct plugin_file *file, const ElfW(Ehdr) * header,
                        struct error *error)
{
    if (header->e_phentsize != sizeof(ElfW(Phdr)) || header->e_phoff > file->size ||
        (file->size - header->e_phoff) / sizeof(ElfW(Phdr)) < header->e_phnum)
        return error_set(error, "it is cut short: %zu bytes do not hold its program headers",
                         file->size);
    for (size_t i = 0; i < header->e_phnum; i++) {
        ElfW(Phdr) part;
        memcpy(&part, file->bytes + header->e_phoff + i * sizeof part, sizeof part);
        if (part.p_type == PT_LOAD &&
            (part.p_filesz > file->size || part.p_offset > file->size - part.p_filesz))
            return error_set(error,
                             "it is cut short: it has %zu bytes, its segment %zu ends at "
                             "%llu",
                             file->size, i, (unsigned long long)(part.p_offset + part.p_filesz));
    }
    return true;
}

static bool elf_check(const struct plugin_file *file, struct error *error)
{
    ElfW(Ehdr) header;
    if (file->size < sizeof header)
        return error_set(error, "it is not an ELF file: it has %zu bytes", file->size);
    memcpy(&header, file->bytes, sizeof header);
    return header_check(&header, error) && whole_check(file, &header, error);
}

static bool bytes_read(int fd, struct plugin_file *file, struct error *error)
{
    size_t have = 0;
    while (have < file->size) {
        const ssize_t got = read(fd, file->bytes + have, file->size - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set(error, "reading it: %s", strerror(errno));
        if (got == 0)
            break;
        have += (size_t)got;
    }
    file->size = have;
    return true;
}

bool plugin_file_read(const char *path, struct plugin_file *file, struct error *error)
{
    struct stat facts;
    *file = (struct plugin_file){0};
    /* Non-blocking: a FIFO must be refused, not waited for. */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return error_set(error, "opening it: %s", strerror(errno));
    bool good = fstat(fd, &facts) == 0 || error_set(error, "fstat: %s", strerror(errno));
    good = good && owner_check(&facts, error);
    if (good) {
        file->size = (size_t)facts.st_size;
        file->bytes = memory_alloc(file->size + 1);
        good = bytes_read(fd, file, error) && elf_check(file, error);
    }
    close(fd);
    if (!good) {
        plugin_file_release(file);
        return false;
    }
    const XXH128_hash_t hash = XXH3_128bits(file->bytes, file->size);
    snprintf(file->hash, sizeof file->hash, "%016llx%016llx", (unsigned long long)hash.high64,
             (unsigned long long)hash.low64);
    return true;
}

void plugin_file_release(struct plugin_file *file)
{
    free(file->bytes);
    *file = (struct plugin_file){0};
}

static bool bytes_write(int fd, const struct plugin_file *file)
{
    size_t done = 0;
    while (done < file->size) {
        const ssize_t put = write(fd, file->bytes + done, file->size - done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        done += (size_t)put;
    }
    return fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0;
}

int plugin_file_copy(const struct plugin_file *file, const char *name, struct error *error)
{
    const int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        error_set(error, "making a private copy: memfd_create: %s", strerror(errno));
        return -1;
    }
    if (!bytes_write(fd, file)) {
        error_set(error, "making a private copy: %s", strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}
