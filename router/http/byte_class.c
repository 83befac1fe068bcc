#include "http/byte_class.h"

/* Bytes that are alike in all classes: letters and digits and their like, ... */
enum {
    X = BYTE_TOKEN | BYTE_NAME | BYTE_AUTHORITY | BYTE_HOST | BYTE_PATH | BYTE_PATH_PLAIN,
    C = X & ~BYTE_NAME,                                           /* capitals */
    E = X & ~BYTE_PATH_PLAIN,                                     /* % */
    D = BYTE_AUTHORITY | BYTE_HOST | BYTE_PATH | BYTE_PATH_PLAIN, /* delimiters */
    U = BYTE_AUTHORITY | BYTE_PATH | BYTE_PATH_PLAIN,             /* of userinfo */
    P = BYTE_PATH | BYTE_PATH_PLAIN,                              /* of paths alone */
    T = BYTE_TOKEN | BYTE_NAME | BYTE_PATH | BYTE_PATH_PLAIN,     /* of names and paths */
    H = BYTE_TOKEN | BYTE_NAME,                                   /* # */
};

const uint8_t byte_classes[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* control */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* control */
    0, X, 0, H, X, E, X, X, D, D, X, X, U, X, X, P, /*  !"#$%&'()*+,-./ */
    X, X, X, X, X, X, X, X, X, X, D, D, 0, D, 0, P, /* 0123456789:;<=>? */
    U, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, /* @ABCDEFGHIJKLMNO */
    C, C, C, C, C, C, C, C, C, C, C, D, 0, D, T, X, /* PQRSTUVWXYZ[\]^_ */
    T, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, /* `abcdefghijklmno */
    X, X, X, X, X, X, X, X, X, X, X, P, T, P, X, 0, /* pqrstuvwxyz{|}~ */
};
