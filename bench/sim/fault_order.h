/* Reads what POST /sim/<cluster>/fault was sent, and does it. */
#ifndef SIM_FAULT_ORDER_H
#define SIM_FAULT_ORDER_H

#include "sim/site.h"

/* False: nothing was changed, and the error says what is wrong with it. */
bool fault_order_obey(struct site *site, struct slice body, struct error *error) ISO_MUST_USE;

#endif
