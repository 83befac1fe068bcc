/* `isobench simulate`: policies compared in virtual time.  README.md is the manual. */
#ifndef SIMULATE_SIMULATE_H
#define SIMULATE_SIMULATE_H

/* The exit code; argv[0] is the subcommand. */
int simulate_main(int argc, char **argv);

#endif
