/*
 * The listening sockets of all workers.  Opened before anything else changes,
 * so that a configuration whose address is taken is refused whole; sockets of
 * addresses that stay are kept across reloads.  [control]
 */
#ifndef CONTROL_FRONT_SOCKETS_H
#define CONTROL_FRONT_SOCKETS_H

#include "config/config.h"
#include "control/worker.h"

struct front_sockets;

struct front_sockets *front_sockets_create(uint32_t workers);
void front_sockets_destroy(struct front_sockets **sockets);
/* Opens what `config` needs and is not open yet, loads its certificates.  False after adding every
 * problem; then nothing has changed. */
bool front_sockets_prepare(struct front_sockets *sockets, const struct config *config,
                           struct config_problems *problems) ISO_MUST_USE;
/* Takes back what was prepared. */
void front_sockets_forget(struct front_sockets *sockets);
/* Gives what was prepared to the workers and closes what is not needed any more. */
void front_sockets_commit(struct front_sockets *sockets, struct worker *const *workers);
/* Closes all, so that the kernel sends no more clients here. */
void front_sockets_close(struct front_sockets *sockets);

#endif
