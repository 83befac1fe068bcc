/*
 * `isobench load`: sends OpenAI requests and measures what comes back.
 * README.md is the manual.  bench/main.c calls it.
 */
#ifndef LOAD_LOAD_H
#define LOAD_LOAD_H

/* argv[0] is "load".  The exit code: 0; 1 an --assert does not hold; 2 it could not begin. */
int load_main(int argc, char **argv);

#endif
