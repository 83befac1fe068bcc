#include "net/ticket_keys.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/check.h"
#include "base/random.h"

static void add(struct ticket_keys *keys, int64_t now_ns)
{
    memmove(&keys->keys[1], &keys->keys[0], (TICKET_KEYS_KEPT - 1) * sizeof keys->keys[0]);
    random_secret(&keys->keys[0], sizeof keys->keys[0]);
    keys->count += keys->count < TICKET_KEYS_KEPT;
    keys->made_ns = now_ns;
}

/* After a quiet time the old ones are as old as if each turn had been used. */
static void turn(struct ticket_keys *keys, int64_t now_ns)
{
    int64_t turns = (now_ns - keys->made_ns) / TICKET_KEY_LASTS_NS;
    if (turns <= 0)
        return;
    const int64_t last_ns = keys->made_ns + turns * TICKET_KEY_LASTS_NS;
    for (turns = turns < TICKET_KEYS_KEPT ? turns : TICKET_KEYS_KEPT; turns > 0; turns--)
        add(keys, last_ns);
}

void ticket_keys_init(struct ticket_keys *keys, int64_t now_ns)
{
    *keys = (struct ticket_keys){.count = 0};
    CHECK_EQ(pthread_mutex_init(&keys->lock, NULL), 0);
    add(keys, now_ns);
}

void ticket_keys_finish(struct ticket_keys *keys)
{
    pthread_mutex_destroy(&keys->lock);
    OPENSSL_cleanse(keys, sizeof *keys);
}

void ticket_keys_newest(struct ticket_keys *keys, int64_t now_ns, struct ticket_key *out)
{
    pthread_mutex_lock(&keys->lock);
    turn(keys, now_ns);
    *out = keys->keys[0];
    pthread_mutex_unlock(&keys->lock);
}

bool ticket_keys_find(struct ticket_keys *keys, int64_t now_ns, const unsigned char name[16],
                      struct ticket_key *out, bool *newest)
{
    unsigned i = 0;
    pthread_mutex_lock(&keys->lock);
    turn(keys, now_ns);
    while (i < keys->count && memcmp(keys->keys[i].name, name, sizeof keys->keys[i].name) != 0)
        i++;
    const bool found = i < keys->count;
    if (found)
        *out = keys->keys[i];
    *newest = i == 0;
    pthread_mutex_unlock(&keys->lock);
    return found;
}
