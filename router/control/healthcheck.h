/* `isochrone --healthcheck`: for containers, without curl. */
#ifndef CONTROL_HEALTHCHECK_H
#define CONTROL_HEALTHCHECK_H

/* Asks the admin address of that configuration for /readyz; 0 when it is ready, 1 when not, 2 when
 * the file can't be read. */
int healthcheck(const char *config_path);

#endif
