/* `isobench report`: runs compared in one HTML file.  README.md is the manual. */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

/* The exit code; argv[0] is the subcommand. */
int report_main(int argc, char **argv);

#endif
