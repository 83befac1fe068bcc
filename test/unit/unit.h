/* What every unit test needs: cmocka, and a main that runs the named functions. */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define UNIT_TEST_1(f) cmocka_unit_test(f)
#define UNIT_EACH_1(f) cmocka_unit_test(f),
#define UNIT_EACH_2(f, ...) cmocka_unit_test(f), UNIT_EACH_1(__VA_ARGS__)
#define UNIT_EACH_3(f, ...) cmocka_unit_test(f), UNIT_EACH_2(__VA_ARGS__)
#define UNIT_EACH_4(f, ...) cmocka_unit_test(f), UNIT_EACH_3(__VA_ARGS__)
#define UNIT_EACH_5(f, ...) cmocka_unit_test(f), UNIT_EACH_4(__VA_ARGS__)
#define UNIT_EACH_6(f, ...) cmocka_unit_test(f), UNIT_EACH_5(__VA_ARGS__)
#define UNIT_EACH_7(f, ...) cmocka_unit_test(f), UNIT_EACH_6(__VA_ARGS__)
#define UNIT_EACH_8(f, ...) cmocka_unit_test(f), UNIT_EACH_7(__VA_ARGS__)
#define UNIT_EACH_9(f, ...) cmocka_unit_test(f), UNIT_EACH_8(__VA_ARGS__)
#define UNIT_EACH_10(f, ...) cmocka_unit_test(f), UNIT_EACH_9(__VA_ARGS__)
#define UNIT_EACH_11(f, ...) cmocka_unit_test(f), UNIT_EACH_10(__VA_ARGS__)
#define UNIT_EACH_12(f, ...) cmocka_unit_test(f), UNIT_EACH_11(__VA_ARGS__)
#define UNIT_EACH_13(f, ...) cmocka_unit_test(f), UNIT_EACH_12(__VA_ARGS__)
#define UNIT_EACH_14(f, ...) cmocka_unit_test(f), UNIT_EACH_13(__VA_ARGS__)
#define UNIT_EACH_15(f, ...) cmocka_unit_test(f), UNIT_EACH_14(__VA_ARGS__)
#define UNIT_EACH_16(f, ...) cmocka_unit_test(f), UNIT_EACH_15(__VA_ARGS__)
#define UNIT_EACH_17(f, ...) cmocka_unit_test(f), UNIT_EACH_16(__VA_ARGS__)
#define UNIT_EACH_18(f, ...) cmocka_unit_test(f), UNIT_EACH_17(__VA_ARGS__)
#define UNIT_EACH_19(f, ...) cmocka_unit_test(f), UNIT_EACH_18(__VA_ARGS__)
#define UNIT_EACH_20(f, ...) cmocka_unit_test(f), UNIT_EACH_19(__VA_ARGS__)
#define UNIT_EACH_21(f, ...) cmocka_unit_test(f), UNIT_EACH_20(__VA_ARGS__)
#define UNIT_EACH_22(f, ...) cmocka_unit_test(f), UNIT_EACH_21(__VA_ARGS__)
#define UNIT_EACH_23(f, ...) cmocka_unit_test(f), UNIT_EACH_22(__VA_ARGS__)
#define UNIT_EACH_24(f, ...) cmocka_unit_test(f), UNIT_EACH_23(__VA_ARGS__)
#define UNIT_COUNT(_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14, _15, _16, _17, \
                   _18, _19, _20, _21, _22, _23, _24, n, ...)                                  \
    UNIT_EACH_##n
#define UNIT_LIST(...)                                                                           \
    UNIT_COUNT(__VA_ARGS__, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, \
               6, 5, 4, 3, 2, 1, 0)                                                              \
    (__VA_ARGS__)

/* At most 24; a file with more is two files. */
#define UNIT_MAIN(...)                                              \
    int main(void)                                                  \
    {                                                               \
        const struct CMUnitTest tests[] = {UNIT_LIST(__VA_ARGS__)}; \
        return cmocka_run_group_tests(tests, NULL, NULL);           \
    }

#endif
