/*
 * CHECK: a bug of ours, never bad input.  On in release builds too; prints
 * both operands and aborts, so that the parent restarts a clean process.
 */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include <stdint.h>

#if defined(__GNUC__)
#define ISO_COLD __attribute__((cold))
#define ISO_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define ISO_MUST_USE __attribute__((warn_unused_result))
#define ISO_LIKELY(x) __builtin_expect(!!(x), 1)
#define ISO_UNLIKELY(x) __builtin_expect(!!(x), 0)
#else
#define ISO_COLD
#define ISO_PRINTF(fmt, args)
#define ISO_MUST_USE
#define ISO_LIKELY(x) (x)
#define ISO_UNLIKELY(x) (x)
#endif

_Noreturn void check_failed(const char *file, int line, const char *expression) ISO_COLD;
_Noreturn void check_op_failed(const char *file, int line, const char *expression, intmax_t left,
                               intmax_t right) ISO_COLD;

#define CHECK(expression)                                  \
    do {                                                   \
        if (ISO_UNLIKELY(!(expression)))                   \
            check_failed(__FILE__, __LINE__, #expression); \
    } while (0)

#define CHECK_OP(left, op, right)                                                     \
    do {                                                                              \
        const intmax_t check_left = (intmax_t)(left);                                 \
        const intmax_t check_right = (intmax_t)(right);                               \
        if (ISO_UNLIKELY(!(check_left op check_right)))                               \
            check_op_failed(__FILE__, __LINE__, #left " " #op " " #right, check_left, \
                            check_right);                                             \
    } while (0)

#define CHECK_EQ(left, right) CHECK_OP(left, ==, right)
#define CHECK_LE(left, right) CHECK_OP(left, <=, right)
#define CHECK_LT(left, right) CHECK_OP(left, <, right)

#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
