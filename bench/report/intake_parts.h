/* How intake.c reads the parts that results have in common, and each kind of result. */
#ifndef REPORT_INTAKE_PARTS_H
#define REPORT_INTAKE_PARTS_H

#include "http/json_tree.h"
#include "report/study.h"

/* NAN unless it is a number of low to high. */
double intake_number(struct json_value value, const char *path, double low, double high);
/* 0 unless it is a number from 0 on. */
double intake_count(struct json_value value, const char *path);
/* At most STUDY_NAME_BYTES of it, in the arena; NULL when it is no text. */
const char *intake_name(struct arena *arena, struct json_value value, const char *path);
const char *intake_cut(struct arena *arena, const char *name);

struct site intake_site(const char *name); /* nothing known but that */
/* By its name, which is likely at `hint`; NULL: not there. */
struct site *intake_site_find(struct site *sites, size_t count, size_t hint, const char *name);

/* {"mean": ms, "p50": ms, ...}; what is null is `absent`. */
void intake_distribution(struct json_value value, const char *path, double absent,
                         struct distribution *out);
/* [[to_ms, count], ...], ten buckets to a decade; one that ends at null is for ever. */
void intake_buckets(struct arena *arena, struct json_value value, const char *path,
                    struct distribution *out);
/* [[from_ns, count], ...], buckets of base/histogram.h. */
void intake_ns_buckets(struct arena *arena, struct json_value value, const char *path,
                       struct distribution *out);
/* A list of numbers; NULL unless there are `count`. */
double *intake_list(struct arena *arena, struct json_value value, const char *path, size_t count,
                    double absent);

void intake_simulate(struct arena *arena, struct json_value value, struct subject *key,
                     struct measure *out);
/* The policy of a result of --goodput, and each [load, share] of its curve. */
void intake_goodput(struct arena *arena, struct json_value value, struct subject *key);
bool intake_goodput_point(struct json_value point, struct measure *out);
void intake_load(struct arena *arena, struct json_value value, struct subject *key,
                 struct measure *out);
/* The part of a result of load that went past the router. */
void intake_direct(struct arena *arena, struct json_value value, struct subject *key,
                   struct measure *out);
void intake_replay(struct arena *arena, struct json_value value, struct subject *key,
                   struct measure *out);

#endif
