/*
 * The admin interface: HTTP on loopback or a unix socket, on the control
 * thread.  Host and Origin are checked, so that a page in a browser can't
 * drive it.  The pages themselves are in pages.h.
 */
#ifndef CONTROL_ADMIN_SERVER_H
#define CONTROL_ADMIN_SERVER_H

#include "config/config.h"

struct admin_server;
struct control;

/* NULL after adding every problem. */
struct admin_server *admin_server_create(struct control *control, const struct config *config,
                                         struct config_problems *problems);
void admin_server_destroy(struct admin_server **server);

#endif
