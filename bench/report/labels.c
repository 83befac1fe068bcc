#include "report/labels.h"

#include <math.h>

#include "base/check.h"

enum { ANGLES = 16, GAP = 3, EDGE = 2 };

static bool boxes_touch(const struct label *a, const struct label *b)
{
    return a->left < b->left + b->width + GAP && b->left < a->left + a->width + GAP &&
           a->top < b->top + b->height && b->top < a->top + a->height;
}

static bool box_covers(const struct label *box, const struct label *point)
{
    const double x = fmax(box->left, fmin(point->x, box->left + box->width));
    const double y = fmax(box->top, fmin(point->y, box->top + box->height));
    return hypot(x - point->x, y - point->y) < point->radius + 1;
}

static bool fits(const struct label *labels, size_t count, size_t at, double width, double height)
{
    const struct label *label = &labels[at];
    if (label->left < EDGE || label->top < EDGE || label->left + label->width > width - EDGE ||
        label->top + label->height > height - EDGE)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (box_covers(label, &labels[i]))
            return false;
        if (i != at && labels[i].placed && boxes_touch(label, &labels[i]))
            return false;
    }
    return true;
}

static void try_at(struct label *label, double distance, double angle)
{
    const double x = label->x + cos(angle) * (label->radius + distance + label->width / 2);
    const double y = label->y + sin(angle) * (label->radius + distance + label->height / 2);
    label->left = x - label->width / 2;
    label->top = y - label->height / 2;
    label->line_x = fmax(label->left, fmin(label->x, label->left + label->width));
    label->line_y = fmax(label->top, fmin(label->y, label->top + label->height));
}

static bool place(struct label *labels, size_t count, size_t at, double width, double height)
{
    static const double distances[] = {3, 12, 22, 34, 48, 64, 82, 104, 130};
    struct label *label = &labels[at];
    for (size_t d = 0; d < COUNT_OF(distances) && distances[d] <= label->reach; d++)
        for (int k = 0; k < ANGLES; k++) {
            /* Right first, then left, then the rest of the circle. */
            const int turn = k == 1 ? ANGLES / 2 : k > 1 && k <= ANGLES / 2 ? k - 1 : k;
            try_at(label, distances[d], turn * 2 * M_PI / ANGLES);
            if (!fits(labels, count, at, width, height))
                continue;
            label->far = d > 0;
            return true;
        }
    return false;
}

void labels_place(struct label *labels, size_t count, size_t named, double width, double height)
{
    for (size_t i = 0; i < count; i++)
        labels[i].placed = false;
    for (size_t i = 0; i < named && i < count; i++)
        labels[i].placed = place(labels, count, i, width, height);
}
