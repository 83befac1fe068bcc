#include "sim/fault_order.h"

#include "config/yaml.h"

enum order {
    ORDER_KILL,
    ORDER_REFUSE,
    ORDER_STALL,
    ORDER_CUT,
    ORDER_STATUS,
    ORDER_SLOW,
    ORDER_LIE,
    ORDER_CLEAR,
};

static const char *const orders[] = {"kill",   "refuse", "stall", "cut_after_tokens",
                                     "status", "slow",   "lie",   "clear",
                                     NULL};
enum { STALL_ENGINE, STALL_WIRE };
static const char *const stalls[] = {"engine", "wire", NULL};

struct fault_order {
    int order;
    int stall;
    int64_t number;
    double factor;
};

/* JSON is YAML; its reader has the sentences. */
static void order_read(struct yaml_node *map, struct fault_order *out)
{
    if (!yaml_need_choice(map, "fault", &out->order, orders))
        return;
    switch ((enum order)out->order) {
    case ORDER_STALL:
        yaml_get_choice(map, "value", &out->stall, stalls, STALL_ENGINE);
        break;
    case ORDER_CUT:
        yaml_need_int(map, "value", &out->number, 0, 1000000);
        break;
    case ORDER_STATUS:
        yaml_need_int(map, "value", &out->number, 400, 599);
        break;
    case ORDER_SLOW:
        yaml_need_number(map, "value", &out->factor, 0.001, 1000);
        break;
    case ORDER_LIE:
        yaml_need_number(map, "value", &out->factor, 0.001, 1000);
        break;
    case ORDER_KILL:
    case ORDER_REFUSE:
    case ORDER_CLEAR:
        break;
    }
    yaml_finish_map(map);
}

static bool order_do(struct site *site, const struct fault_order *order, struct error *error)
{
    switch ((enum order)order->order) {
    case ORDER_KILL:
        site_kill(site);
        break;
    case ORDER_REFUSE:
        site_refuse(site);
        break;
    case ORDER_STALL:
        if (order->stall == STALL_WIRE)
            site_stall_wire(site);
        else
            site_stall_engine(site);
        break;
    case ORDER_CUT:
        site->faults.cut_after_tokens = order->number;
        break;
    case ORDER_STATUS:
        site->faults.status = (int)order->number;
        break;
    case ORDER_SLOW:
        site_slow(site, order->factor);
        break;
    case ORDER_LIE:
        site_lie(site, order->factor);
        break;
    case ORDER_CLEAR:
        return site_clear(site, error);
    }
    clockwork_wake(site->service.clockwork);
    return true;
}

bool fault_order_obey(struct site *site, struct slice body, struct error *error)
{
    struct arena arena;
    struct config_problems problems;
    struct fault_order order = {0};
    arena_init(&arena);
    config_problems_init(&problems);
    struct yaml_node *root = yaml_load_text("body", body, &arena, &problems);
    if (root && yaml_as_map(root))
        order_read(root, &order);
    bool obeyed = problems.count == 0 && root;
    if (!obeyed)
        error_set(error, "%s", problems.count ? problems.items[0].text : "body: empty");
    obeyed = obeyed && order_do(site, &order, error);
    config_problems_finish(&problems);
    arena_finish(&arena);
    return obeyed;
}
