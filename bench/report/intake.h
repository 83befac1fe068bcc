/*
 * Reads what `isobench load`, `simulate` and `replay` wrote as JSON into a
 * study.  Such a file may come from anywhere: every size in it is bounded,
 * every number is in its range or unknown, and what is absent is left out.
 */
#ifndef REPORT_INTAKE_H
#define REPORT_INTAKE_H

#include "base/error.h"
#include "base/slice.h"
#include "report/study.h"

enum { INTAKE_FILE_BYTES_MOST = 256 << 20 };

/*
 * One object, an array of objects, or an object a line.  `name` stands in
 * messages and, without `given` (NULL), in labels.  The text is not needed
 * afterwards.
 */
bool intake_text(struct study *study, const char *name, const char *given, struct slice text,
                 struct error *error) ISO_MUST_USE;
/* RUN.json or NAME=RUN.json. */
bool intake_file(struct study *study, const char *argument, struct error *error) ISO_MUST_USE;

#endif
